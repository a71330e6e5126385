// @ts-check
/** Shows the document as JSON beside the form, editable, and the patch that saving would send. */
import { createMergePatch } from '@metadata-bff/form';
import { byId } from './elements.js';
import { isJsonObject } from './json.js';

/** @typedef {import('@metadata-bff/form').UserMetadataForm} Form */

/** @param {Form} form */
export function createRawView(form) {
  const text = byId('raw', HTMLTextAreaElement);
  const fault = byId('raw-fault', HTMLParagraphElement);
  const discard = byId('raw-discard', HTMLButtonElement);
  const patch = byId('patch', HTMLPreElement);

  /** @param {string} message */
  function showError(message) {
    fault.textContent = message;
    discard.hidden = message === '';
    // The form waits until the text is a document again.
    form.disabled = message !== '';
    if (message) text.setAttribute('aria-invalid', 'true');
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
      showError('This is not JSON yet. The form waits until it is.');
      return;
    }
    if (!isJsonObject(value)) {
      showError('The document must be an object: { … }.');
      return;
    }
    showError('');
    form.applyPatch(createMergePatch(form.value, value));
    showPatch();
  });
  // Formatted once the user leaves it.
  text.addEventListener('blur', () => {
    if (fault.textContent === '') text.value = JSON.stringify(form.value, null, 2);
  });

  function reset() {
    showError('');
    text.value = JSON.stringify(form.value, null, 2);
    showPatch();
  }
  discard.addEventListener('click', () => {
    reset();
    text.focus();
  });

  return {
    /** Shows the form's document, unless the user is editing the text. */
    update() {
      showPatch();
      if (document.activeElement === text || fault.textContent !== '') return;
      text.value = JSON.stringify(form.value, null, 2);
    },
    /** Shows the form's document and discards the text. */
    reset,
  };
}
