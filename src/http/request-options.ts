/**
 * What a request asks for beside its path and body: accepted media types, preconditions (RFC 9110 sections 12 and 13),
 * preferences (RFC 7240), a fresh copy, and some keys of a document.
 */
import type { Request } from 'express';
import { z } from 'zod';
import { AppError } from '../lib/app-error.ts';
import { type JsonObject, type JsonValue, sorted } from '../lib/json.ts';
import type { Precondition } from '../metadata/precondition.ts';

// Lists and parameters in header values (RFC 9110 section 5.6).

const PARTS = { ',': /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/gs, ';': /(?:[^;"]|"(?:[^"\\]|\\.)*"?)+/gs } as const;

/**
 * The parts of a value between separators outside of quoted strings, without the white space around them. Empty parts
 * are left out (RFC 9110 section 5.6.1.2).
 */
export function splitValue(value: string, separator: keyof typeof PARTS): readonly string[] {
  return (value.match(PARTS[separator]) ?? []).map((part) => part.trim()).filter((part) => part !== '');
}

interface Parameter {
  /** In lower case. */
  readonly name: string;
  /** Without quotes; empty where there is none. */
  readonly value: string;
}

/** Reads `name`, `name=value` or `name="value"`, with the white space around `=` that some senders add. */
function parseParameter(text: string): Parameter {
  const at = text.indexOf('=');
  if (at < 0) return { name: text.trim().toLowerCase(), value: '' };
  const value = text.slice(at + 1).trim();
  const [, quoted] = /^"(.*)"$/s.exec(value) ?? [];
  return {
    name: text.slice(0, at).trim().toLowerCase(),
    value: quoted === undefined ? value : quoted.replaceAll(/\\(.)/gs, '$1'),
  };
}

// Whether a client takes a media type, by its `Accept` header (RFC 9110 section 12.5.1).

const TOKEN = "[\\w!#$%&'*+.^`|~-]+";
const MEDIA_RANGE = new RegExp(`^(${TOKEN})/(${TOKEN})$`);
const WEIGHT = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

interface MediaRange {
  readonly type: string;
  readonly subtype: string;
  readonly weight: number;
}

/**
 * Compares types and subtypes; of the parameters, only `q` counts, because no answer here comes in variants. The most
 * specific range that fits decides, and a weight of 0 refuses. A header that cannot be read is taken as absent.
 * @param mediaType in lower case, without parameters.
 */
export function accepts(header: string | undefined, mediaType: string): boolean {
  // What nearly every client sends needs no negotiation.
  if (header === undefined || header === '*/*' || header === mediaType) return true;
  const ranges = splitValue(header, ',').map(parseRange);
  const readable = ranges.filter((range) => range !== undefined);
  if (readable.length === 0 || readable.length < ranges.length) return true;
  const matching = readable.filter((range) => specificity(range, mediaType) > 0);
  const most = Math.max(...matching.map((range) => specificity(range, mediaType)));
  return matching.some((range) => specificity(range, mediaType) === most && range.weight > 0);
}

function parseRange(text: string): MediaRange | undefined {
  const [range = '', ...parameters] = splitValue(text, ';');
  const [, type, subtype] = MEDIA_RANGE.exec(range.toLowerCase()) ?? [];
  if (type === undefined || subtype === undefined || (type === '*' && subtype !== '*')) return undefined;
  const weight = parameters.map(parseParameter).find(({ name }) => name === 'q')?.value ?? '1';
  return WEIGHT.test(weight) ? { type, subtype, weight: Number(weight) } : undefined;
}

/** 3 for the type itself, 2 for its family, 1 for any, 0 where it does not fit. */
function specificity({ type, subtype }: MediaRange, mediaType: string): number {
  if (`${type}/${subtype}` === mediaType) return 3;
  if (type === '*') return 1;
  return subtype === '*' && mediaType.startsWith(`${type}/`) ? 2 : 0;
}

// Preconditions, preferences and revalidation.

/** One entity tag at least, and any number of empty elements (RFC 9110 section 5.6.1.2). */
const ENTITY_TAGS =
  /^[ \t]*(?:,[ \t]*)*(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"[ \t]*(?:,[ \t]*(?:(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"[ \t]*)?)*$/;
const ENTITY_TAG = /(?:W\/)?"[^"]*"/g;

function parseEntityTags(field: string, name: string): readonly string[] | 'any' {
  if (field.trim() === '*') return 'any';
  if (!ENTITY_TAGS.test(field)) {
    throw new AppError('request_malformed', `${name} must be * or a list of quoted entity tags.`);
  }
  return field.match(ENTITY_TAG) ?? [];
}

/** The preconditions of a write. @throws AppError `request_malformed` for a field that cannot be read. */
export function parsePreconditions(req: Request): readonly Precondition[] {
  const ifMatch = req.headers['if-match'];
  const ifNoneMatch = req.headers['if-none-match'];
  return [
    ...(ifMatch === undefined
      ? []
      : [{ kind: 'if-match', tags: parseEntityTags(ifMatch, 'If-Match') } as const]),
    ...(ifNoneMatch === undefined
      ? []
      : [{ kind: 'if-none-match', tags: parseEntityTags(ifNoneMatch, 'If-None-Match') } as const]),
  ];
}

/**
 * Evaluates the `If-Match` of a read, which comes before its `If-None-Match` (RFC 9110 section 13.2.2). `current` is
 * what a refusal shows, if anything.
 * @throws AppError `precondition_failed` when it is false, `request_malformed` when it cannot be read.
 */
export function assertIfMatch(req: Request, etag: string, current?: JsonValue): void {
  const field = req.headers['if-match'];
  if (field === undefined) return;
  const tags = parseEntityTags(field, 'If-Match');
  // Strong comparison: a weak tag never matches (RFC 9110 section 13.1.1).
  if (tags === 'any' || tags.includes(etag)) return;
  throw new AppError('precondition_failed', 'The resource is not in the state that the request expects.', {
    etag,
    ...(current === undefined ? {} : { current: sorted(current) }),
  });
}

/** Whether the reader already holds these bytes (weak comparison, RFC 9110 section 13.1.2). */
export function isNotModified(req: Request, etag: string): boolean {
  const field = req.headers['if-none-match'];
  if (field === undefined) return false;
  if (field.trim() === '*') return true;
  // An unreadable field is ignored on a read: the whole representation is always a right answer.
  return (field.match(ENTITY_TAG) ?? []).some((tag) => tag.replace(/^W\//, '') === etag);
}

/**
 * `Prefer: return=minimal` (RFC 7240 section 4.2). Of a preference that is stated more than once, the first counts
 * (section 2); its parameters after `;` say nothing here.
 */
export function prefersMinimal(req: Request): boolean {
  const { prefer } = req.headers;
  if (prefer === undefined) return false;
  const preferences = splitValue([prefer].flat().join(','), ',').map((preference) =>
    parseParameter(splitValue(preference, ';')[0] ?? ''),
  );
  return preferences.find(({ name }) => name === 'return')?.value.toLowerCase() === 'minimal';
}

/**
 * Request `Cache-Control: no-cache` (or its HTTP/1.0 form) asks for the tenant's own state. A script that
 * sets `If-None-Match` itself asks so too: the Fetch standard adds the field.
 */
export function wantsRevalidation(req: Request): boolean {
  const control = req.headers['cache-control'];
  if (control === undefined) return /\bno-cache\b/i.test(req.headers.pragma ?? '');
  return splitValue(control, ',')
    .map(parseParameter)
    .some(({ name, value }) =>
      name === 'max-age' ? /^0+$/.test(value) : name === 'no-cache' || name === 'no-store',
    );
}

// `fields` and `include_fields`, with the meaning they have in the Management API, over top-level keys.

type FieldSelection = (document: JsonObject) => JsonObject;

/** Validates the query, and describes it in the OpenAPI document. */
export const fieldsQuery = z.object({
  fields: z
    .string('fields must be given once, as a comma-separated list.')
    .optional()
    .meta({ description: 'Top-level keys, such as `theme,language`. Without any: all.' }),
  include_fields: z
    .enum(['true', 'false'], 'include_fields must be true or false.')
    .default('true')
    .meta({ description: 'Whether `fields` lists what to answer, or what to leave out.' }),
});

const selectAll: FieldSelection = (document) => document;

/**
 * The projection a query asks for: the listed keys, or with `include_fields=false` all but these. No list,
 * or an empty one, means all.
 * @throws AppError `query_invalid`.
 */
export function parseFieldSelection(req: Request): FieldSelection {
  if (!req.url.includes('?')) return selectAll;
  const result = fieldsQuery.safeParse(req.query);
  if (!result.success) {
    throw new AppError('query_invalid', result.error.issues[0]?.message ?? 'The query is not valid.');
  }
  const { fields = '', include_fields: includeFields } = result.data;
  const names = new Set(fields.split(',').filter((name) => name !== ''));
  if (names.size === 0) return selectAll;
  const keep = includeFields === 'true';
  return (document) =>
    Object.fromEntries(Object.entries(document).filter(([key]) => names.has(key) === keep));
}

/**
 * The language that suits `Accept-Language` best (RFC 9110 section 12.5.4), by RFC 4647 section 3.4: each range in the
 * order of its weight, shortened until a tag is found. A range also finds a tag that is more precise.
 * @returns undefined where none suits.
 */
export function chooseLanguage(field: string | undefined, languages: readonly string[]): string | undefined {
  if (field === undefined || languages.length === 0) return undefined;
  const ranges = splitValue(field, ',')
    .map((part) => {
      const [range = '', ...parameters] = splitValue(part, ';');
      const weight = parameters.map(parseParameter).find(({ name }) => name === 'q')?.value ?? '1';
      return { range: range.trim().toLowerCase(), weight: Number(weight) };
    })
    .filter(({ weight }) => weight > 0)
    .toSorted((left, right) => right.weight - left.weight);
  for (const { range } of ranges) {
    if (range === '*') return languages[0];
    const subtags = range.split('-');
    for (let length = subtags.length; length > 0; length -= 1) {
      const prefix = subtags.slice(0, length).join('-');
      const found =
        languages.find((tag) => tag.toLowerCase() === prefix) ??
        languages.find((tag) => tag.toLowerCase().startsWith(`${prefix}-`));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
