// @ts-check
/** The page put together: session, proxy, and the views; every operation ends in a status line or a problem. */
import { createEditor, format } from './editor.js';
import { byId } from './elements.js';
import { createKeyList } from './key-list.js';
import { createMetadataApi, MetadataError } from './metadata-api.js';
import { createProblemView } from './problem-view.js';
import { createSession } from './session.js';

/** @typedef {import('./metadata-api.js').Stored} Stored */

const status = byId('status', HTMLParagraphElement);
const result = byId('result', HTMLParagraphElement);
const welcome = byId('welcome', HTMLElement);
const workspace = byId('workspace', HTMLDivElement);

const SESSION_ENDED = new Set(['login_required', 'missing_refresh_token', 'invalid_grant']);

/** @param {string} id */
function pressed(id, onPress = () => {}) {
  byId(id, HTMLButtonElement).addEventListener('click', onPress);
}

async function start() {
  const response = await fetch('/config.json');
  /** @type {import('./session.js').PageConfig} */
  const config = await response.json();
  const session = await createSession(config);
  pressed('log-in', () => run(() => session.logIn()));
  pressed('log-out', () => run(() => session.logOut()));

  const person = await session.resume();
  status.textContent = person ? '' : 'You are logged out.';
  welcome.hidden = person !== undefined;
  if (!person) return;
  const who = byId('who', HTMLParagraphElement);
  who.textContent = person.email ? `${person.name} (${person.email})` : person.name;
  who.hidden = false;
  byId('log-out', HTMLButtonElement).hidden = false;
  openWorkspace(createMetadataApi(session, config));
}

/** @param {ReturnType<typeof createMetadataApi>} api */
function openWorkspace(api) {
  const problems = createProblemView(byId('problem', HTMLDivElement));
  const keys = createKeyList({ onRemove: (key) => attempt(() => remove(key)) });
  const editor = createEditor({
    onSave: (patch, etag) => attempt(() => save(patch, etag)),
    onFault: (fault) => {
      result.textContent = '';
      problems.show({ title: 'Not saved', detail: fault.message });
    },
  });

  /** @param {Stored} stored */
  function show(stored) {
    byId('document', HTMLPreElement).textContent = format(stored.document);
    byId('etag', HTMLElement).textContent = stored.etag;
    byId('cache-status', HTMLElement).textContent = stored.cacheStatus ?? 'none: answered by a write';
    byId('quota', HTMLElement).textContent = stored.quota ?? 'not told';
    keys.show(Object.keys(stored.document));
  }

  /** @param {boolean} [pastCache] */
  async function reload(pastCache = false) {
    const stored = await api.read({ pastCache });
    show(stored);
    editor.rebase(stored);
  }

  /**
   * @param {import('./merge-patch.js').JsonObject} patch
   * @param {string} etag
   */
  async function save(patch, etag) {
    const stored = await api.patch(patch, etag);
    show(stored);
    editor.start(stored);
    result.textContent = 'Saved.';
  }

  /** @param {string} key */
  async function remove(key) {
    if (!confirm(`Remove “${key}” from your metadata?`)) return;
    await api.removeKey(key);
    await reload();
    result.textContent = `Removed ${key}.`;
  }

  /** @param {Stored} current */
  function conflictChoices(current) {
    /** @param {(stored: Stored) => void} settle */
    const choice = (settle) => () => {
      show(current);
      settle(current);
      problems.clear();
      byId('draft', HTMLTextAreaElement).focus();
    };
    return [
      { label: 'Reload: drop my edits', onPress: choice((stored) => editor.start(stored)) },
      { label: 'Put my edits on top of it', onPress: choice((stored) => editor.rebase(stored)) },
    ];
  }

  /** Runs one operation at a time. @param {() => Promise<void>} operation */
  function attempt(operation) {
    if (workspace.getAttribute('aria-busy') === 'true') return;
    workspace.setAttribute('aria-busy', 'true');
    problems.clear();
    result.textContent = '';
    run(async () => {
      try {
        await operation();
      } catch (error) {
        if (!(error instanceof MetadataError)) throw error;
        const { problem } = error;
        problems.show(problem, problem.current ? conflictChoices(problem.current) : []);
      } finally {
        workspace.removeAttribute('aria-busy');
      }
    });
  }

  workspace.hidden = false;
  pressed('reload', () => attempt(() => reload()));
  pressed('reload-tenant', () => attempt(() => reload(true)));
  pressed('undo', () => {
    problems.clear();
    editor.undo();
  });
  attempt(async () => {
    const stored = await api.read();
    show(stored);
    editor.start(stored);
  });
}

/** What an operation did not expect is the session's: above all, that it has ended. @param {() => Promise<void>} operation */
function run(operation) {
  operation().catch((error) => {
    // An OAuth error has a code in `error`, and only a new log-in helps.
    welcome.hidden = typeof error?.error !== 'string' && !workspace.hidden;
    status.textContent = SESSION_ENDED.has(error?.error)
      ? 'Your session has ended. Log in again.'
      : `This did not work: ${error?.message ?? 'unknown error'}`;
  });
}

run(start);
