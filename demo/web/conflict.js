// @ts-check
/** Lets the user choose where two people, or two tabs, changed the same place. Nothing is lost before. */
import { isSameJson } from '@metadata-bff/form';
import { byId, make, makeButton } from './elements.js';
import { getMember, isJsonObject } from './json.js';

/** @typedef {import('./json.js').Json} Json */
/** @typedef {import('./json.js').JsonObject} JsonObject */
/** @typedef {{ readonly path: readonly string[], readonly before: Json | undefined, readonly mine: Json | undefined, readonly theirs: Json | undefined }} Conflict */

/**
 * The places that `patch` changes and that differ between `base` and `current`.
 * @param {Json | undefined} patch
 * @param {Json | undefined} base
 * @param {Json | undefined} current
 * @param {readonly string[]} [path]
 * @returns {Conflict[]}
 */
export function findConflicts(patch, base, current, path = []) {
  if (isJsonObject(patch) && isJsonObject(base) && isJsonObject(current)) {
    return Object.entries(patch).flatMap(([key, change]) =>
      findConflicts(change, getMember(base, key), getMember(current, key), [...path, key]),
    );
  }
  const mine = patch === null ? undefined : patch;
  if (isSameJson(base, current) || isSameJson(mine, current)) return [];
  return [{ path, before: base, mine, theirs: current }];
}

/**
 * The merge patch that sets the place of a conflict to the value of the others.
 * @param {Conflict} conflict
 * @returns {JsonObject}
 */
function createTheirPatch({ path, theirs = null }) {
  const [last = '', ...outer] = path.toReversed();
  return outer.reduce((inner, key) => ({ [key]: inner }), { [last]: theirs });
}

/** @param {{ readonly getLabel: (path: readonly string[]) => string }} options */
export function createConflictPanel({ getLabel }) {
  const panel = byId('conflict', HTMLElement);

  /** @param {Conflict} conflict @param {number} index */
  function row({ path, before, mine, theirs }, index) {
    /** @param {string} whose @param {Json | undefined} value @param {string} label */
    const option = (whose, value, label) => {
      const input = make('input', { type: 'radio', name: `conflict-${index}`, value: whose });
      input.checked = whose === 'mine';
      return make('label', { class: 'choice' }, input, make('span', {}, `${label}: `, shown(value)));
    };
    return make(
      'fieldset',
      {},
      make('legend', {}, getLabel(path)),
      option('mine', mine, 'Yours'),
      option('theirs', theirs, 'Theirs'),
      make('p', { class: 'hint' }, 'Before: ', shown(before)),
    );
  }

  return {
    hide() {
      panel.hidden = true;
      panel.replaceChildren();
    },
    /**
     * @param {readonly Conflict[]} conflicts
     * @param {(patches: readonly JsonObject[]) => void} onChosen called with the patches that take the others' values
     * @param {{ readonly andFocus: boolean }} options
     */
    show(conflicts, onChosen, { andFocus }) {
      const rows = conflicts.map(row);
      /** @param {(index: number) => string | undefined} choice */
      const choose = (choice) =>
        onChosen(conflicts.filter((_conflict, index) => choice(index) === 'theirs').map(createTheirPatch));
      const picked = (/** @type {number} */ index) =>
        rows[index]?.querySelector('input:checked')?.getAttribute('value') ?? undefined;
      panel.replaceChildren(
        make('h2', { id: 'conflict-title', tabindex: '-1' }, 'Changed somewhere else, too'),
        make(
          'p',
          {},
          'Your edits are still here. Choose what is to be kept; everything else you edited stays.',
        ),
        ...rows,
        make(
          'div',
          { class: 'actions' },
          makeButton('Keep what is chosen', '', () => choose(picked)),
          makeButton('Keep all of mine', 'quiet', () => choose(() => 'mine')),
          makeButton('Take all of theirs', 'quiet', () => choose(() => 'theirs')),
        ),
      );
      panel.hidden = false;
      if (andFocus) byId('conflict-title', HTMLHeadingElement).focus();
    },
  };
}

/** @param {Json | undefined} value */
function shown(value) {
  if (value === undefined) return make('i', {}, 'not set');
  return make('code', {}, typeof value === 'string' ? value : JSON.stringify(value, null, 1));
}
