/**
 * Whether a write may become part of a document: its preconditions, who may change what, the limits and
 * the schema, always in terms of what the writing application sees. Pure, and knows nothing of the tenant.
 */
import { type JsonObject, type JsonValue, ownValue, pointerToken } from '../lib/json.ts';
import { rootChanges } from './changes.ts';
import { assertWithinLimits, type DocumentLimits } from './document.ts';
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

export interface Verdict {
  /** Why this write is refused, if it is. */
  readonly error: unknown;
  /** The document after this write. */
  readonly document: JsonObject;
  /** Whether the judgement rested on changes of this group that are not yet stored. */
  readonly tentative: boolean;
}

/** The resource that a write addresses, within `document`. */
export function resourceValue(document: JsonObject, key: string | undefined): JsonValue | undefined {
  return key === undefined ? document : ownValue(document, key);
}

/** Judges writes one after another, each on the document that those before it produced. */
export function judgeAll(writes: readonly Write[], base: JsonObject, rules: DocumentRules): Verdict[] {
  let document = base;
  return writes.map((write) => {
    const tentative = document !== base;
    try {
      document = judge(write, document, rules);
      return { error: undefined, document, tentative };
    } catch (error) {
      return { error, document, tentative };
    }
  });
}

/**
 * The whole document after one write.
 * @throws AppError for whatever the write may not do, in terms of what its application sees.
 */
export function judge({ edit, key, preconditions, view }: Write, document: JsonObject, rules: DocumentRules) {
  const before = view.visible(document);
  const current = resourceValue(before, key);
  for (const precondition of preconditions) assertPrecondition(precondition, current);
  const edited = edit.apply(before, (name) => !view.writable(name));
  // What is read-only may depend on keys that this application does not see.
  const after = edit.replacesAll
    ? { ...edited, ...view.visible(rules.schema.keepReadOnly(document, view.restore(document, edited))) }
    : edited;
  const refused = Object.keys(rootChanges(before, after) ?? {}).filter((name) => !view.writable(name));
  if (refused.length > 0) throw readOnly(refused.map((name) => `/${pointerToken(name)}`));
  assertWithinLimits(before, after, rules.limits);
  const whole = { before: document, after: view.restore(document, after) };
  rules.schema.assertChange(before, after, whole);
  return whole.after;
}
