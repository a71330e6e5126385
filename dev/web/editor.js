// @ts-check
/**
 * The draft: the text under the person's hands, the document it began from, and the difference between the two. Text
 * is never lost: when another document arrives, the edits made so far are put on top of it.
 */
import { byId } from './elements.js';
import { applyMergePatch, isJsonObject, mergePatchOf } from './merge-patch.js';

/** @typedef {import('./merge-patch.js').JsonObject} JsonObject */
/** @typedef {import('./metadata-api.js').Stored} Stored */

/** What is wrong with the text, for the person who typed it. */
export class DraftError extends Error {}

/** @param {{ readonly onSave: (patch: JsonObject, etag: string) => void, readonly onFault: (fault: DraftError) => void }} events */
export function createEditor({ onSave, onFault }) {
  const form = byId('editor', HTMLFormElement);
  const draft = byId('draft', HTMLTextAreaElement);
  const preview = byId('patch', HTMLPreElement);
  /** @type {Pick<Stored, 'document' | 'etag'>} */
  let base = { document: {}, etag: '' };

  function parsed() {
    /** @type {unknown} */
    let value;
    try {
      value = JSON.parse(draft.value);
    } catch (error) {
      throw new DraftError(
        `This is not JSON yet: ${error instanceof Error ? error.message : 'it cannot be read'}.`,
      );
    }
    if (!isJsonObject(value)) throw new DraftError('The document must be an object: { … }.');
    return value;
  }

  const currentPatch = () => mergePatchOf(base.document, parsed());

  function refresh() {
    draft.removeAttribute('aria-invalid');
    try {
      const patch = currentPatch();
      preview.textContent = Object.keys(patch).length > 0 ? format(patch) : 'Nothing: no edits yet.';
    } catch (error) {
      preview.textContent = error instanceof Error ? error.message : '';
    }
  }

  /** @param {JsonObject} document */
  function write(document) {
    draft.value = format(document);
    refresh();
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    try {
      const patch = currentPatch();
      if (Object.keys(patch).length === 0) throw new DraftError('There is nothing to save: no edits yet.');
      onSave(patch, base.etag);
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
      draft.setAttribute('aria-invalid', 'true');
      draft.focus();
      onFault(error);
    }
  });
  draft.addEventListener('input', refresh);
  draft.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    form.requestSubmit();
  });

  return {
    /**
     * Begins again from `stored`, without any edits.
     * @param {Stored} stored
     */
    start(stored) {
      base = stored;
      write(base.document);
    },
    /**
     * Goes on from `stored`, keeping the edits. Text that is not JSON stays as it is, with the document it began from.
     * @param {Stored} stored
     */
    rebase(stored) {
      try {
        const patch = currentPatch();
        base = stored;
        write(applyMergePatch(base.document, patch));
      } catch (error) {
        if (!(error instanceof DraftError)) throw error;
      }
    },
    undo() {
      write(base.document);
      draft.focus();
    },
  };
}

/** @param {JsonObject} document */
export function format(document) {
  return JSON.stringify(document, null, 2);
}
