// @ts-check
/** Two people, or two tabs, changed the same thing: both versions of each, to choose from. Nothing is lost before. */
import { isJsonObject, isSameJson, memberOf } from './form/src/json.js';
import { byId, make, makeButton } from './elements.js';

/** @typedef {import('./form/src/json.js').Json} Json */
/** @typedef {import('./form/src/json.js').JsonObject} JsonObject */
/** @typedef {{ readonly path: readonly string[], readonly before: Json | undefined, readonly mine: Json | undefined, readonly theirs: Json | undefined }} Clash */

/**
 * Where `patch` changes what has also become something else between `base` and `current`.
 * @param {Json | undefined} patch
 * @param {Json | undefined} base
 * @param {Json | undefined} current
 * @param {readonly string[]} [path]
 * @returns {Clash[]}
 */
export function clashesOf(patch, base, current, path = []) {
  if (isJsonObject(patch) && isJsonObject(base) && isJsonObject(current)) {
    return Object.entries(patch).flatMap(([key, change]) =>
      clashesOf(change, memberOf(base, key), memberOf(current, key), [...path, key]),
    );
  }
  const mine = patch === null ? undefined : patch;
  if (isSameJson(base, current) || isSameJson(mine, current)) return [];
  return [{ path, before: base, mine, theirs: current }];
}

/**
 * The merge patch that sets what `clash` is about to what the others made of it.
 * @param {Clash} clash
 * @returns {JsonObject}
 */
function theirsOf({ path, theirs = null }) {
  const [last = '', ...outer] = path.toReversed();
  return outer.reduce((inner, key) => ({ [key]: inner }), { [last]: theirs });
}

/** @param {{ readonly nameOf: (path: readonly string[]) => string }} options */
export function createConflictPanel({ nameOf }) {
  const panel = byId('conflict', HTMLElement);

  /** @param {Clash} clash @param {number} index */
  function row({ path, before, mine, theirs }, index) {
    /** @param {string} whose @param {Json | undefined} value @param {string} label */
    const option = (whose, value, label) => {
      const input = make('input', { type: 'radio', name: `clash-${index}`, value: whose });
      input.checked = whose === 'mine';
      return make('label', { class: 'choice' }, input, make('span', {}, `${label}: `, shown(value)));
    };
    return make(
      'fieldset',
      {},
      make('legend', {}, nameOf(path)),
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
     * @param {readonly Clash[]} clashes
     * @param {(patches: readonly JsonObject[]) => void} onChosen told what of the edits is to become theirs
     * @param {{ readonly andFocus: boolean }} options
     */
    show(clashes, onChosen, { andFocus }) {
      const rows = clashes.map(row);
      /** @param {(index: number) => string | undefined} choice */
      const choose = (choice) =>
        onChosen(clashes.filter((_clash, index) => choice(index) === 'theirs').map(theirsOf));
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
