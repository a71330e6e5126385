/**
 * The bytes of a resource and the strong ETag (RFC 9110 section 8.8) that stands for exactly these bytes.
 * Text is canonical, so the same content has the same tag on every replica and after every write.
 */
import { createHash } from 'node:crypto';
import { canonicalJson, type JsonValue } from '../lib/json.ts';

export interface Representation {
  /**
   * Text, or from `SHARED_BYTES_MIN` on its bytes in UTF-8: a socket copies text that its client does not read, once
   * for each connection, and only refers to a buffer.
   */
  readonly body: string | Buffer;
  /** Of the body in UTF-8. */
  readonly bytes: number;
  /** A quoted strong entity tag. */
  readonly etag: string;
}

/** One whose bytes many connections can wait for at once. */
export interface SharedRepresentation extends Representation {
  readonly body: Buffer;
}

/** Below this, one write of head and text together is faster, and a copy costs less than the connection itself. */
export const MIN_SHARED_BYTES = 16_384;

/** 144 bits: short in a header, and no two documents of one user will ever share it. */
const TAG_CHARACTERS = 24;

/**
 * Text of documents made lately, at most twice this much. To make it again costs some ten microseconds; to keep it for
 * every cached profile would double their memory.
 */
const MAX_KEPT_CHARACTERS = 8_000_000;

/** By the very object, which nothing here ever changes; when that goes, so does its text. */
let recent = new WeakMap<object, Representation>();
let earlier = recent;
let keptCharacters = 0;

export function represent(value: JsonValue): Representation {
  if (typeof value !== 'object' || value === null) return representText(canonicalJson(value));
  const known = recent.get(value);
  if (known) return known;
  const representation = earlier.get(value) ?? representText(canonicalJson(value));
  keptCharacters += representation.body.length;
  if (keptCharacters > MAX_KEPT_CHARACTERS) {
    earlier = recent;
    recent = new WeakMap();
    keptCharacters = representation.body.length;
  }
  recent.set(value, representation);
  return representation;
}

/** The same for a text that is to be answered as it stands. */
export function representText(text: string): Representation {
  const bytes = Buffer.byteLength(text);
  return bytes < MIN_SHARED_BYTES ? { body: text, bytes, etag: createTag(text) } : representShared(text);
}

/** The same for a text that is the same for all callers: its body is one buffer, which all connections share. */
export function representShared(text: string | Buffer): SharedRepresentation {
  const body = typeof text === 'string' ? Buffer.from(text) : text;
  return { body, bytes: body.length, etag: createTag(body) };
}

function createTag(body: string | Buffer): string {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, TAG_CHARACTERS)}"`;
}
