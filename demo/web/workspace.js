// @ts-check
/**
 * The form, what is stored, and everything that can happen between the two. One rule holds throughout: an edit stays in
 * the form, and in the tab's storage, until it is saved or taken back.
 */
import { isSameJson } from './form/src/json.js';
import { clashesOf, createConflictPanel } from './conflict.js';
import { createDrafts } from './drafts.js';
import { byId } from './elements.js';
import { ConflictError, createMetadataClient } from './client/src/exports.js';
import { createNotice } from './notice.js';
import { createRawView } from './raw-view.js';
import { isSessionEnded } from './session.js';
import { titlesIn } from './titles.js';
import { createTrouble } from './trouble.js';

/** @typedef {import('./form/src/json.js').JsonObject} JsonObject */
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
  const conflict = createConflictPanel({ nameOf: titlesIn(schema) });
  /** @type {Stored} */
  let stored = first;
  let saving = false;
  /** Whether something changed while a save was under way. */
  let overtaken = false;

  function remember() {
    drafts.keep({ patch: form.patch, base: stored.value, etag: stored.etag });
    raw.update();
  }

  /** Goes on from `next`; edits that nobody else touched stay as they are. @param {Stored} next */
  function moveTo(next) {
    stored = next;
    showFacts(next);
    form.rebase(next.value);
    remember();
  }

  /**
   * Something else is stored now than what the edits began from. Tells whether they go together.
   * @param {Stored} next
   * @param {{ readonly andSave: boolean }} options
   */
  function meet(next, { andSave }) {
    const clashes = clashesOf(form.patch, stored.value, next.value);
    if (clashes.length === 0) {
      conflict.hide();
      moveTo(next);
      if (andSave) void save();
      return true;
    }
    notice.clear();
    const onChosen = (/** @type {readonly JsonObject[]} */ patches) => {
      conflict.hide();
      form.rebase(next.value);
      for (const patch of patches) form.applyPatch(patch);
      moveTo(next);
      raw.reset();
      byId('editor-title', HTMLHeadingElement).focus();
      const isLeft = Object.keys(form.patch).length > 0;
      result.textContent = isLeft ? 'Chosen. Save when you are ready.' : 'Nothing is left to save.';
      if (andSave && isLeft) void save();
    };
    // Whoever is typing is not torn away.
    conflict.show(clashes, onChosen, { andFocus: andSave });
    return false;
  }

  async function refresh({ revalidate = false } = {}) {
    const next = await client.read({ revalidate });
    trouble.reached();
    if (saving) {
      overtaken = true;
    } else if (isSameJson(next.value, stored.value)) {
      moveTo(next);
    } else {
      result.textContent = meet(next, { andSave: false })
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
      moveTo(saved);
      result.textContent = 'Saved.';
      onStored();
    } catch (error) {
      form.busy = saving = false;
      result.textContent = '';
      if (error instanceof ConflictError) {
        meet({ value: error.current, etag: error.etag ?? '' }, { andSave: true });
      } else trouble.explain(error);
    }
    if (!overtaken) return;
    overtaken = false;
    await refresh().catch(trouble.explain);
  }

  const { title } = schema;
  if (typeof title === 'string') byId('editor-title', HTMLHeadingElement).textContent = title;
  form.schema = schema;
  form.value = stored.value;
  showFacts(stored);
  const draft = drafts.kept();
  if (draft) {
    form.applyPatch(draft.patch);
    notice.show('Your edits from before are back', 'They are not saved yet.');
    const now = stored;
    stored = { value: draft.base, etag: draft.etag };
    meet(now, { andSave: false });
  }
  raw.reset();
  form.addEventListener('user-metadata-change', () => {
    result.textContent = '';
    remember();
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
