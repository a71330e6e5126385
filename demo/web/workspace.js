// @ts-check
/**
 * Connects the form and the client. An edit stays in the form, and in the tab's storage, until the user saves or discards
 * it.
 */
import { ConflictError, createMetadataClient } from '@metadata-bff/client';
import { getFieldLabels, isSameJson } from '@metadata-bff/form';
import { findConflicts, createConflictPanel } from './conflict.js';
import { createDrafts } from './drafts.js';
import { byId } from './elements.js';
import { createNotice } from './notice.js';
import { createRawView } from './raw-view.js';
import { isSessionEnded } from './session.js';
import { createTrouble } from './trouble.js';

/** @typedef {import('@metadata-bff/form').JsonObject} JsonObject */
/** @typedef {{ readonly value: JsonObject, readonly etag: string, readonly quota?: { readonly limit: number, readonly used: number }, readonly cacheStatus?: string | undefined }} Stored */

/**
 * @param {{ readonly session: import('./session.js').Session, readonly person: import('./session.js').Person, readonly baseUrl: string, readonly onStored: () => void }} options
 */
export async function openWorkspace({ session, person, baseUrl, onStored }) {
  const client = createMetadataClient({ baseUrl, ...session.access, retry: { maxAttempts: 1 } });
  const form = document.querySelector('user-metadata-form') ?? document.createElement('user-metadata-form');
  const notice = createNotice();
  const result = byId('result', HTMLParagraphElement);
  const drafts = createDrafts(person.sub);
  const raw = createRawView(form);
  const trouble = createTrouble({ notice, form, logIn: () => session.logIn(), save, refresh });

  const [schema, first] = await Promise.all([client.schema(), client.read()]);
  const conflict = createConflictPanel({ getLabel: (path) => getFieldLabels(schema, path).join(' → ') });
  /** @type {Stored} */
  let stored = first;
  let saving = false;
  /** Whether the document changed during a save. */
  let hasMissedChange = false;

  function storeDraft() {
    drafts.write({ patch: form.patch, base: stored.value, etag: stored.etag });
    raw.update();
  }

  /** Takes `next` as the stored document and keeps all edits. @param {Stored} next */
  function setStored(next) {
    stored = next;
    showFacts(next);
    form.rebase(next.value);
    storeDraft();
  }

  /**
   * The stored document has changed since the edits began. Returns whether the edits have no conflict with it.
   * @param {Stored} next
   * @param {{ readonly andSave: boolean }} options
   */
  function handleConcurrentChange(next, { andSave }) {
    const conflicts = findConflicts(form.patch, stored.value, next.value);
    if (conflicts.length === 0) {
      conflict.hide();
      setStored(next);
      if (andSave) void save();
      return true;
    }
    notice.clear();
    const onChosen = (/** @type {readonly JsonObject[]} */ patches) => {
      conflict.hide();
      form.rebase(next.value);
      for (const patch of patches) form.applyPatch(patch);
      setStored(next);
      raw.reset();
      byId('editor-title', HTMLHeadingElement).focus();
      const isLeft = Object.keys(form.patch).length > 0;
      result.textContent = isLeft ? 'Chosen. Save when you are ready.' : 'Nothing is left to save.';
      if (andSave && isLeft) void save();
    };
    // A user who is typing keeps the focus.
    conflict.show(conflicts, onChosen, { andFocus: andSave });
    return false;
  }

  async function refresh({ revalidate = false } = {}) {
    const next = await client.read({ revalidate });
    trouble.reached();
    if (saving) {
      hasMissedChange = true;
    } else if (isSameJson(next.value, stored.value)) {
      setStored(next);
    } else {
      result.textContent = handleConcurrentChange(next, { andSave: false })
        ? 'Brought up to date: it was changed somewhere else.'
        : 'What you edited was changed somewhere else, too. Choose above what is to be kept.';
      onStored();
    }
  }

  async function save() {
    const { patch } = form;
    if (saving || form.busy || Object.keys(patch).length === 0) return;
    trouble.over();
    form.errors = [];
    form.busy = saving = true;
    result.textContent = 'Saving …';
    try {
      const saved = await client.patch(patch, { ifMatch: stored.etag });
      form.busy = saving = false;
      trouble.reached();
      conflict.hide();
      setStored(saved);
      result.textContent = 'Saved.';
      onStored();
    } catch (error) {
      form.busy = saving = false;
      result.textContent = '';
      if (error instanceof ConflictError) {
        handleConcurrentChange({ value: error.current, etag: error.etag ?? '' }, { andSave: true });
      } else trouble.explain(error);
    }
    if (!hasMissedChange) return;
    hasMissedChange = false;
    await refresh().catch(trouble.explain);
  }

  const { title } = schema;
  if (typeof title === 'string') byId('editor-title', HTMLHeadingElement).textContent = title;
  form.schema = schema;
  form.value = stored.value;
  showFacts(stored);
  const draft = drafts.read();
  if (draft) {
    form.applyPatch(draft.patch);
    notice.show('Your edits from before are back', 'They are not saved yet.');
    const now = stored;
    stored = { value: draft.base, etag: draft.etag };
    handleConcurrentChange(now, { andSave: false });
  }
  raw.reset();
  form.addEventListener('user-metadata-change', () => {
    result.textContent = '';
    storeDraft();
  });
  form.addEventListener('user-metadata-submit', () => void save());
  byId('reload', HTMLButtonElement).addEventListener('click', () => {
    refresh({ revalidate: true }).catch(trouble.explain);
  });
  addEventListener('offline', trouble.offline);
  addEventListener('online', trouble.online);
  client.watch(
    ({ etag }) => {
      if (etag !== stored.etag) refresh().catch(trouble.explain);
    },
    {
      onError: (error) => {
        if (isSessionEnded(error)) trouble.explain(error);
      },
    },
  );
}

/** @param {Stored} stored */
function showFacts({ etag, quota, cacheStatus }) {
  byId('etag', HTMLElement).textContent = etag;
  byId('cache-status', HTMLElement).textContent = cacheStatus ?? 'none: answered by a write';
  byId('quota', HTMLElement).textContent = quota ? `${quota.used} of ${quota.limit} bytes` : 'not told';
}
