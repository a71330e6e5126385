// @ts-check
/**
 * Edits that are not saved yet, kept through reloads and log-ins for as long as the tab is open. Each belongs to one
 * person, and remembers what it began from.
 */

/** @typedef {import('./form/src/json.js').JsonObject} JsonObject */
/** @typedef {{ readonly patch: JsonObject, readonly base: JsonObject, readonly etag: string }} Draft */

const KEY = 'metadata-draft';

/** @param {string} person */
export function createDrafts(person) {
  return {
    /** @param {Draft} draft */
    keep(draft) {
      if (Object.keys(draft.patch).length === 0) sessionStorage.removeItem(KEY);
      else sessionStorage.setItem(KEY, JSON.stringify({ ...draft, person }));
    },
    /** @returns {Draft | undefined} */
    kept() {
      const draft = JSON.parse(sessionStorage.getItem(KEY) ?? 'null');
      return draft?.person === person ? draft : undefined;
    },
  };
}

export function forgetDrafts() {
  sessionStorage.removeItem(KEY);
}
