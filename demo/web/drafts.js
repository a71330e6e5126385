// @ts-check
/**
 * Unsaved edits, kept through reloads and logins while the tab is open. Each belongs to one user, and remembers the
 * document that it began from.
 */

/** @typedef {import('@metadata-bff/form').JsonObject} JsonObject */
/** @typedef {{ readonly patch: JsonObject, readonly base: JsonObject, readonly etag: string }} Draft */

const KEY = 'metadata-draft';

/** @param {string} person */
export function createDrafts(person) {
  return {
    /** @param {Draft} draft */
    write(draft) {
      if (Object.keys(draft.patch).length === 0) sessionStorage.removeItem(KEY);
      else sessionStorage.setItem(KEY, JSON.stringify({ ...draft, person }));
    },
    /** @returns {Draft | undefined} */
    read() {
      const draft = JSON.parse(sessionStorage.getItem(KEY) ?? 'null');
      return draft?.person === person ? draft : undefined;
    },
  };
}

export function forgetDrafts() {
  sessionStorage.removeItem(KEY);
}
