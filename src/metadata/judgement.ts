/**
 * Whether a write may become part of a document: its preconditions, who may change what, the limits and
 * the schema, always in terms of what the writing application sees. Pure, and knows nothing of the tenant.
 */
import { AppError } from '../lib/app-error.ts';
import { type JsonObject, type JsonValue, ownValue, pointerToken } from '../lib/json.ts';
import { rootChanges } from './changes.ts';
import { assertStorableChange, assertWithinLimits, type DocumentLimits } from './document.ts';
import type { Edit } from './edit.ts';
import { type MetadataView, readOnly } from './policy.ts';
import type { OnCarried } from './ports.ts';
import { assertPrecondition, type Precondition } from './precondition.ts';
import type { SchemaRules } from './schema-rules.ts';

export interface Write {
  readonly edit: Edit;
  /** The top-level key that the write addresses, or undefined for the whole document. */
  readonly key: string | undefined;
  readonly preconditions: readonly Precondition[];
  /** What the application sees: the document that the edit and its preconditions are about. */
  readonly view: MetadataView;
  readonly onCarried?: OnCarried | undefined;
}

/** What a document must satisfy after a write. */
export interface DocumentRules {
  readonly limits: DocumentLimits;
  readonly schema: SchemaRules;
}

/** A user's metadata as it is judged. */
export interface Judged {
  readonly document: JsonObject;
  /** Whether the tenant holds something else than an object, which can only be replaced or removed whole. */
  readonly isUnreadable: boolean;
}

export interface Verdict {
  /** Why this write is refused, if it is. */
  readonly error: unknown;
  /** The metadata after this write. */
  readonly after: Judged;
  /** The top-level keys that this write changes. */
  readonly changedKeys: readonly string[];
  /** Whether the judgement rested on changes of this group that are not yet stored. */
  readonly tentative: boolean;
}

/** The resource that a write addresses, within `document`. */
export function resourceValue(document: JsonObject, key: string | undefined): JsonValue | undefined {
  return key === undefined ? document : ownValue(document, key);
}

/**
 * Judges writes one after another, each on what those before it produced. One write is bounded in what it costs, a group
 * is not: `pause` lets others go on between two.
 */
export async function judgeAll(
  writes: readonly Write[],
  base: Judged,
  rules: DocumentRules,
  pause: () => Promise<void>,
): Promise<Verdict[]> {
  let after = base;
  const verdicts: Verdict[] = [];
  for (const write of writes) {
    if (verdicts.length > 0) await pause();
    const tentative = after !== base;
    try {
      const judged = judge(write, after, rules);
      after =
        judged.changes || after.isUnreadable ? { document: judged.document, isUnreadable: false } : after;
      const changedKeys = Object.keys(judged.changes ?? {});
      verdicts.push({ error: undefined, after, changedKeys, tentative });
    } catch (error) {
      verdicts.push({ error, after, changedKeys: [], tentative });
    }
  }
  return verdicts;
}

/**
 * The whole document after one write, and the root keys in which it differs.
 * @throws AppError for whatever the write may not do, in terms of what its application sees.
 */
function judge(
  { edit, key, preconditions, view }: Write,
  { document, isUnreadable }: Judged,
  rules: DocumentRules,
) {
  const before = view.visible(document);
  if (isUnreadable) assertReplaces(edit, preconditions);
  else {
    const current = resourceValue(before, key);
    for (const precondition of preconditions) assertPrecondition(precondition, current);
  }
  const edited = edit.apply(before, (name) => !view.writable(name));
  // What is read-only may depend on keys that this application does not see.
  const after = edit.replacesAll
    ? { ...edited, ...view.visible(rules.schema.keepReadOnly(document, view.restore(document, edited))) }
    : edited;
  const changes = rootChanges(before, after);
  const refused = Object.keys(changes ?? {}).filter((name) => !view.writable(name));
  if (refused.length > 0) throw readOnly(refused.map((name) => `/${pointerToken(name)}`));
  assertWithinLimits(before, after, rules.limits);
  assertStorableChange(before, after);
  const whole = { before: document, after: view.restore(document, after) };
  rules.schema.assertChange(before, after, whole);
  return { document: whole.after, changes };
}

/**
 * What is no object has no tag and no members: nothing can be merged into it, and of all preconditions only one about
 * its mere existence can hold.
 */
function assertReplaces(edit: Edit, preconditions: readonly Precondition[]): void {
  if (!edit.replacesAll) throw notAnObject();
  if (preconditions.every(({ kind, tags }) => (kind === 'if-match') === (tags === 'any'))) return;
  throw new AppError('precondition_failed', 'The resource is not in the state that the request expects.');
}

/** The refusal of whatever needs an object where the tenant holds something else. */
export function notAnObject(): AppError {
  return new AppError(
    'metadata_not_an_object',
    'The tenant holds a text, a list, a number or a boolean in place of the metadata. PUT replaces it, DELETE removes it.',
  );
}
