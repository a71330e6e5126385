// @ts-check
/** The whole document as JSON beside the form, to look at and to edit; and the patch that saving would send. */
import { isJsonObject } from './form/src/json.js';
import { mergePatchOf } from './form/src/merge-patch.js';
import { byId } from './elements.js';

/** @typedef {import('./form/src/user-metadata-form.js').UserMetadataForm} Form */

/** @param {Form} form */
export function createRawView(form) {
  const text = byId('raw', HTMLTextAreaElement);
  const fault = byId('raw-fault', HTMLParagraphElement);
  const discard = byId('raw-discard', HTMLButtonElement);
  const patch = byId('patch', HTMLPreElement);

  /** @param {string} words */
  function say(words) {
    fault.textContent = words;
    discard.hidden = words === '';
    // Until both can say the same again, only one of them is edited.
    form.disabled = words !== '';
    if (words) text.setAttribute('aria-invalid', 'true');
    else text.removeAttribute('aria-invalid');
  }

  function showPatch() {
    const changes = form.patch;
    patch.textContent =
      Object.keys(changes).length > 0 ? JSON.stringify(changes, null, 2) : 'Nothing: no edits yet.';
  }

  text.addEventListener('input', () => {
    /** @type {unknown} */
    let value;
    try {
      value = JSON.parse(text.value);
    } catch {
      say('This is not JSON yet. The form waits until it is.');
      return;
    }
    if (!isJsonObject(value)) {
      say('The document must be an object: { … }.');
      return;
    }
    say('');
    form.applyPatch(mergePatchOf(form.value, value));
    showPatch();
  });
  // Tidied up once nobody writes in it.
  text.addEventListener('blur', () => {
    if (fault.textContent === '') text.value = JSON.stringify(form.value, null, 2);
  });

  function reset() {
    say('');
    text.value = JSON.stringify(form.value, null, 2);
    showPatch();
  }
  discard.addEventListener('click', () => {
    reset();
    text.focus();
  });

  return {
    /** Shows what the form holds, unless somebody is writing here. */
    update() {
      showPatch();
      if (document.activeElement === text || fault.textContent !== '') return;
      text.value = JSON.stringify(form.value, null, 2);
    },
    /** Shows what the form holds, in any case. */
    reset,
  };
}
