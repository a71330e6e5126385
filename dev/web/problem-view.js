// @ts-check
/** A problem in plain words: what happened, where in the document, and what to do about it. */
import { make, makeButton } from './elements.js';

/** @typedef {import('./metadata-api.js').Problem} Problem */
/** @typedef {{ readonly label: string, readonly onPress: () => void }} Choice */

/**
 * Words for the person at the screen, where those of the problem speak to a developer.
 * @type {Record<string, { readonly title: string, readonly detail: string }>}
 */
const WORDS = {
  precondition_failed: {
    title: 'Someone else changed it meanwhile',
    detail: 'Your edits are not saved, because they began from another document than the one stored now:',
  },
  metadata_invalid: { title: 'Not saved', detail: 'Some of what you typed cannot be stored:' },
  key_read_only: { title: 'Not saved', detail: 'Some of it is not yours to change:' },
};

/** What to do about it. @type {Record<string, string>} */
const ADVICE = {
  token_invalid: 'Log out and in again.',
  scope_missing: 'This log-in does not allow it. Log out and in again, or ask for the permission.',
  metadata_too_large: 'Shorten the document and save again.',
  upstream_timeout: 'It is not known whether your change was stored. Reload to see.',
  upstream_unavailable: 'Nothing is lost: your text is still here. Try again in a moment.',
  upstream_rate_limited: 'Nothing is lost: your text is still here. Try again in a moment.',
  rate_limited: 'Wait a little before you try again.',
};

/** @param {HTMLElement} box announced when its content changes */
export function createProblemView(box) {
  return {
    clear() {
      box.replaceChildren();
    },
    /**
     * @param {Pick<Problem, 'title' | 'detail'> & Partial<Problem>} problem
     * @param {readonly Choice[]} [choices]
     */
    show(problem, choices = []) {
      box.replaceChildren(...lines(problem), ...stored(problem), ...actions(choices), ...reference(problem));
      box.scrollIntoView({ block: 'nearest' });
    },
  };
}

/** @param {Pick<Problem, 'title' | 'detail'> & Partial<Problem>} problem */
function lines({ code = '', errors = [], retryAfter, ...own }) {
  const { title, detail } = WORDS[code] ?? own;
  const advice = ADVICE[code];
  return [
    make('h3', {}, title),
    ...(detail ? [make('p', {}, detail)] : []),
    ...(errors.length > 0 ? [make('ul', {}, ...errors.map(fault))] : []),
    ...(advice ? [make('p', {}, advice)] : []),
    ...(retryAfter ? [make('p', {}, `Try again in ${retryAfter} s.`)] : []),
  ];
}

/** @param {{ pointer: string, detail: string }} error */
function fault({ pointer, detail }) {
  return make('li', {}, make('code', {}, pointer || 'the whole document'), ` ${detail}`);
}

/** @param {Partial<Problem>} problem */
function stored({ current }) {
  if (!current) return [];
  const text = JSON.stringify(current.document, null, 2);
  return [make('pre', { tabindex: '0', role: 'region', 'aria-label': 'Document stored now' }, text)];
}

/** What support needs to find it in the log. @param {Partial<Problem>} problem */
function reference({ status, code, requestId }) {
  if (!code) return [];
  return [make('p', { class: 'hint' }, `${status} ${code}, request ${requestId ?? 'unknown'}`)];
}

/** @param {readonly Choice[]} choices */
function actions(choices) {
  if (choices.length === 0) return [];
  const buttons = choices.map(({ label, onPress }) => makeButton(label, 'quiet', onPress));
  return [make('div', { class: 'actions' }, ...buttons)];
}
