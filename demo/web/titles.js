// @ts-check
/** The names by which the form shows the keys of a document. */
import { planDocument } from './form/src/planner.js';

/** @param {import('./form/src/json.js').JsonObject} schema */
export function titlesIn(schema) {
  /** @param {readonly string[]} path */
  return (path) => {
    /** @type {import('./form/src/plan.js').Plan | undefined} */
    let plan = planDocument(schema);
    const names = path.map((key) => {
      plan = plan?.kind === 'group' ? plan.members.get(key) : undefined;
      return plan?.label ?? key;
    });
    return names.join(' → ');
  };
}
