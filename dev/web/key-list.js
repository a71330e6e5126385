// @ts-check
/** The top-level keys, each with a button that removes it. The focus never gets lost with a removed button. */
import { byId, make, makeButton } from './elements.js';

/** @param {{ readonly onRemove: (key: string) => void }} events */
export function createKeyList({ onRemove }) {
  const list = byId('keys', HTMLUListElement);

  /** @param {string} key */
  function row(key) {
    const button = makeButton('Remove', 'danger', () => onRemove(key));
    button.setAttribute('aria-label', `Remove ${key}`);
    return make('li', {}, make('code', {}, key), button);
  }

  return {
    /** @param {readonly string[]} keys */
    show(keys) {
      const hadFocus = [...list.children].findIndex((item) => item.contains(document.activeElement));
      list.replaceChildren(...(keys.length > 0 ? keys.map(row) : [make('li', {}, 'None yet.')]));
      if (hadFocus < 0) return;
      const buttons = list.querySelectorAll('button');
      const next = buttons[Math.min(hadFocus, buttons.length - 1)];
      (next ?? byId('keys-title', HTMLHeadingElement)).focus();
    },
  };
}
