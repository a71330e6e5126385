// @ts-check
/** One notice at a time above the form: what happened, what becomes of the edits, and what can be done. */
import { byId, make, makeButton } from './elements.js';

/** @typedef {{ readonly label: string, readonly onPress: () => void }} Action */

export function createNotice() {
  const box = byId('notice', HTMLElement);
  const message = byId('notice-message', HTMLElement);
  // Outside the live region, so that a screen reader does not announce every second.
  const countdown = byId('notice-countdown', HTMLElement);
  const actions = byId('notice-actions', HTMLElement);
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let ticking;

  function clear() {
    clearInterval(ticking);
    box.hidden = true;
    for (const part of [message, countdown, actions]) part.replaceChildren();
  }

  return {
    clear,
    /** @param {string} title @param {string} text @param {readonly Action[]} [choices] */
    show(title, text, choices = []) {
      clear();
      box.hidden = false;
      message.replaceChildren(make('strong', {}, title), make('p', {}, text));
      actions.replaceChildren(...choices.map(({ label, onPress }) => makeButton(label, 'quiet', onPress)));
    },
    /** Counts down below the notice, then calls `onEnd`. @param {number} seconds @param {string} words @param {() => void} onEnd */
    countDown(seconds, words, onEnd) {
      const end = Date.now() + seconds * 1000;
      const tick = () => {
        const left = Math.ceil((end - Date.now()) / 1000);
        countdown.textContent = `${words} ${left} s.`;
        if (left > 0) return;
        clearInterval(ticking);
        countdown.textContent = '';
        onEnd();
      };
      clearInterval(ticking);
      ticking = setInterval(tick, 250);
      tick();
    },
  };
}
