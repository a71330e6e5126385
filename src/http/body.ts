/**
 * A request body as a JSON value, or a clear refusal. An absent body is never taken for `{}`: upstream an
 * empty object means "remove everything".
 */
import express, { type Request, type Response } from 'express';
import { AppError } from '../lib/app-error.ts';
import { type JsonValue, nestsDeeperThan, pointerToken } from '../lib/json.ts';
import { tooLarge } from '../metadata/document.ts';
import { findInexactJson } from './exact-json.ts';
import { splitValue } from './header-values.ts';

export interface BodyReader {
  /**
   * @param mediaTypes the types accepted, in lower case.
   * @throws AppError `body_required`, `media_type_unsupported`, `json_invalid` or `body_too_large`; `metadata_too_large`
   * for nesting that no document may have; `metadata_invalid` for numbers and members that would not be kept as sent.
   */
  read(req: Request, res: Response, mediaTypes: readonly string[]): Promise<ReceivedBody>;
}

export interface ReceivedBody {
  readonly mediaType: string;
  readonly value: JsonValue;
}

/** RFC 8259 section 8.1: JSON on the wire is UTF-8. A lenient decoder would change the caller's data. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Far beyond any document; a JSON Patch may test what is stored, which may be deeper than what may be written. */
const MAX_NESTING = 128;

export interface BodyReaderOptions {
  readonly bodyBytesMax: number;
  /** Nested containers of a document, for the refusal of a body that nests without end. */
  readonly depthMax: number;
}

export function createBodyReader({ bodyBytesMax, depthMax }: BodyReaderOptions): BodyReader {
  const parser = express.raw({ type: () => true, limit: bodyBytesMax, inflate: true });

  async function bytesOf(req: Request, res: Response): Promise<Uint8Array> {
    await new Promise<void>((resolve, reject) => {
      parser(req, res, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
    });
    const body: unknown = req.body;
    return body instanceof Uint8Array ? body : new Uint8Array();
  }

  return {
    async read(req, res, mediaTypes) {
      const announced = req.headers['transfer-encoding'] ?? req.headers['content-length'] ?? '0';
      if (announced === '0') throw bodyRequired();
      const mediaType = acceptedMediaType(req, mediaTypes);
      normalizeContentCoding(req);
      if (awaitsContinue(req)) res.writeContinue();
      const text = decode(await bytesOf(req, res));
      if (text.trim() === '') throw bodyRequired();
      const value = parse(text);
      assertReachable(value, depthMax);
      assertExact(text);
      return { mediaType, value };
    },
  };
}

/** A client that holds its body back until it is asked for it (RFC 9110 section 10.1.1). */
function awaitsContinue({ headers, httpVersion }: Request): boolean {
  return httpVersion !== '1.0' && headers.expect?.toLowerCase() === '100-continue';
}

function bodyRequired(): AppError {
  return new AppError('body_required', 'This request needs a JSON body; an absent one is not taken for {}.');
}

function acceptedMediaType(req: Request, mediaTypes: readonly string[]): string {
  const [type = '', ...parameters] = (req.headers['content-type'] ?? '').toLowerCase().split(';');
  const mediaType = type.trim();
  const charset = parameters.map((parameter) => parameter.trim()).find((p) => p.startsWith('charset='));
  const isUtf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset);
  if (mediaTypes.includes(mediaType) && isUtf8) return mediaType;
  const accepted = mediaTypes.join(', ');
  throw new AppError('media_type_unsupported', `Send one of: ${accepted} (UTF-8).`, {
    headers: req.method === 'PATCH' ? { 'Accept-Patch': accepted } : { Accept: accepted },
  });
}

/** What body-parser decodes. */
const CONTENT_CODINGS = ['gzip', 'deflate', 'br'];

/**
 * Writes the content coding as body-parser knows it: names in any case, `x-gzip` for `gzip` (RFC 9110 section 8.4.1.3),
 * and `identity` for none.
 * @throws AppError `media_type_unsupported` for any other, and for several at once.
 */
function normalizeContentCoding({ headers }: Request): void {
  const field = headers['content-encoding'];
  if (field === undefined) return;
  const codings = splitValue(field.toLowerCase(), ',')
    .filter((coding) => coding !== 'identity')
    .map((coding) => (coding === 'x-gzip' ? 'gzip' : coding));
  const [coding = 'identity', ...others] = codings;
  if (others.length > 0 || (coding !== 'identity' && !CONTENT_CODINGS.includes(coding))) {
    throw new AppError('media_type_unsupported', 'The content coding is not supported.', {
      headers: { 'Accept-Encoding': CONTENT_CODINGS.join(', ') },
    });
  }
  headers['content-encoding'] = coding;
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new AppError('json_invalid', 'The body is not valid UTF-8.');
  }
}

function parse(text: string): JsonValue {
  try {
    // JSON.parse answers nothing but JSON values; its error messages quote the text.
    const value: JsonValue = JSON.parse(text);
    return value;
  } catch {
    throw new AppError('json_invalid', 'The body is not valid JSON.');
  }
}

/** Whatever walks through a body later may do so by recursion. */
function assertReachable(value: JsonValue, depthMax: number): void {
  if (!nestsDeeperThan(value, MAX_NESTING)) return;
  const pointer = pathBeyond(value, depthMax).map((name) => `/${pointerToken(name)}`);
  throw tooLarge(pointer.join('').toWellFormed(), 'too_deep', `Nesting is limited to ${depthMax}.`);
}

/** Where the value first nests beyond so many levels. */
function pathBeyond(value: JsonValue, levels: number): string[] {
  if (levels === 0 || typeof value !== 'object' || value === null) return [];
  const [name, child] = Object.entries(value).find(([, each]) => nestsDeeperThan(each, levels - 1)) ?? [];
  return name === undefined || child === undefined ? [] : [name, ...pathBeyond(child, levels - 1)];
}

function assertExact(text: string): void {
  const errors = findInexactJson(text);
  if (errors.length === 0) return;
  throw new AppError(
    'metadata_invalid',
    'The body holds numbers or names that would not be stored as they are sent.',
    {
      errors,
    },
  );
}
