/**
 * The bytes of a resource and the strong ETag (RFC 9110 section 8.8) that stands for exactly these bytes.
 * Text is canonical, so the same content has the same tag on every replica and after every write.
 */
import { createHash } from 'node:crypto';
import { canonicalJson, type JsonValue } from '../lib/json.ts';

export interface Representation {
  readonly body: string;
  /** A quoted strong entity tag. */
  readonly etag: string;
}

/** 144 bits: short in a header, and no two documents of one user will ever share it. */
const TAG_CHARACTERS = 24;

export function represent(value: JsonValue): Representation {
  return textRepresentation(canonicalJson(value));
}

/** The same for a text that is to be answered as it stands. */
export function textRepresentation(body: string): Representation {
  const digest = createHash('sha256').update(body).digest('base64url').slice(0, TAG_CHARACTERS);
  return { body, etag: `"${digest}"` };
}
