/**
 * A request body as a JSON value, or a clear refusal. An absent body is never taken for `{}`: upstream an
 * empty object means "remove everything".
 */
import express, { type Request, type Response } from 'express';
import { createScanner } from 'jsonc-parser';
import { AppError, type FieldError } from '../lib/app-error.ts';
import { type JsonValue, nestsDeeperThan, pointerToken } from '../lib/json.ts';
import { createTooLargeError } from '../metadata/document.ts';
import { splitValue } from './request-options.ts';

// What `JSON.parse` does not keep of a JSON text: digits of a large integer, a tiny number that becomes 0, a number
// that becomes infinite, a member whose name occurs twice in its object (RFC 8259 sections 4 and 6 warn of both). Stored as
// parsed, the caller's data would change without an error.

/** Bounds the answer to a hostile body. */
const MAX_ERRORS = 50;

/** An object or a list that the scan is in. */
interface Level {
  /** The names seen so far; undefined in a list. */
  readonly names: Set<string> | undefined;
  /** The member or item that comes next or is being read. */
  step: string | number;
  /** Whether the next text is a name. */
  awaitsName: boolean;
}

/**
 * The errors of a text that `JSON.parse` accepts, by their pointers within it; the first 50. One pass over the text
 * that keeps its own stack, so that neither length nor nesting can harm it.
 */
export function findInexactJson(text: string): FieldError[] {
  const scanner = createScanner(text, true);
  const levels: Level[] = [];
  const errors: FieldError[] = [];
  // The kinds of tokens have no names at run time; in valid JSON the first character tells them apart.
  for (scanner.scan(); scanner.getTokenOffset() < text.length; scanner.scan()) {
    const first = text.charAt(scanner.getTokenOffset());
    const level = levels.at(-1);
    const error = findErrorAt(first, level);
    if (error) errors.push({ pointer: toPointer(levels), ...error });
    if (errors.length >= MAX_ERRORS) break;
    advance(first, level);
  }
  return errors;

  function findErrorAt(first: string, level: Level | undefined): Omit<FieldError, 'pointer'> | undefined {
    if (first === '-' || (first >= '0' && first <= '9')) return checkNumber(scanner.getTokenValue());
    if (first !== '"' || !level?.names || !level.awaitsName) return undefined;
    level.step = scanner.getTokenValue();
    level.awaitsName = false;
    if (!level.names.has(level.step)) {
      level.names.add(level.step);
      return undefined;
    }
    return { code: 'name_duplicate', detail: 'The object has another member of this name.' };
  }

  function advance(first: string, level: Level | undefined): void {
    switch (first) {
      case '{':
        levels.push({ names: new Set(), step: '', awaitsName: true });
        return;
      case '[':
        levels.push({ names: undefined, step: 0, awaitsName: false });
        return;
      case '}':
      case ']':
        levels.pop();
        return;
      case ',':
        if (level?.names) level.awaitsName = true;
        else if (typeof level?.step === 'number') level.step += 1;
        return;
      default:
        return;
    }
  }
}

function toPointer(levels: readonly Level[]): string {
  return levels
    .map(({ step }) => `/${pointerToken(step)}`)
    .join('')
    .toWellFormed();
}

function checkNumber(text: string): Omit<FieldError, 'pointer'> | undefined {
  const value = Number(text);
  if (!Number.isFinite(value)) {
    return { code: 'number_too_large', detail: 'The number is beyond what can be stored.' };
  }
  // Nearly every number there is: few digits, which a double keeps, or a fraction, which it rounds.
  if (value !== 0 && (text.length <= 15 || !Number.isInteger(value))) return undefined;
  const given = toDecimal(text);
  const kept = toDecimal(String(value));
  const isKept = given.digits === kept.digits && given.exponent === kept.exponent;
  // Fractions are rounded everywhere; integers are counted on, and so is that something is not nothing.
  if (isKept || (given.exponent < 0 && value !== 0)) return undefined;
  return { code: 'number_not_exact', detail: 'The number cannot be stored exactly. Send it as text.' };
}

/** `digits` times ten to the power of `exponent`, without zeros at either end of the digits; zero has none. */
interface Decimal {
  readonly digits: string;
  readonly exponent: number;
}

function toDecimal(text: string): Decimal {
  const [mantissa = '', power = '0'] = text.replace(/^-/, '').toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const significant = `${whole}${fraction}`.replace(/^0+/, '');
  let end = significant.length;
  while (significant[end - 1] === '0') end -= 1;
  if (end === 0) return { digits: '', exponent: 0 };
  const exponent = Number(power) - fraction.length + (significant.length - end);
  return { digits: significant.slice(0, end), exponent };
}

export interface BodyReader {
  /**
   * @param mediaTypes the types accepted, in lower case.
   * @throws AppError `body_required`, `media_type_unsupported`, `json_invalid` or `body_too_large`;
   * `metadata_too_large` for nesting that no document may have; `metadata_invalid` for numbers and members that would
   * not be stored as sent.
   */
  read(req: Request, res: Response, mediaTypes: readonly string[]): Promise<ReceivedBody>;
}

interface ReceivedBody {
  readonly mediaType: string;
  readonly value: JsonValue;
}

/** RFC 8259 section 8.1: JSON on the wire is UTF-8. A lenient decoder would change the caller's data. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Far beyond any document; a JSON Patch may test what is stored, which may be deeper than what may be written. */
const MAX_NESTING = 128;

interface BodyReaderOptions {
  readonly maxBodyBytes: number;
  /** Nested containers of a document, for the refusal of a body that nests without end. */
  readonly maxDepth: number;
}

export function createBodyReader({ maxBodyBytes, maxDepth }: BodyReaderOptions): BodyReader {
  const parser = express.raw({ type: () => true, limit: maxBodyBytes, inflate: true });

  async function readBytes(req: Request, res: Response): Promise<Uint8Array> {
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
      const mediaType = parseMediaType(req, mediaTypes);
      normalizeContentCoding(req);
      if (awaitsContinue(req)) res.writeContinue();
      const text = decode(await readBytes(req, res));
      if (text.trim() === '') throw bodyRequired();
      const value = parse(text);
      assertReachable(value, maxDepth);
      assertExact(text);
      return { mediaType, value };
    },
  };
}

/** Whether the client sends its body only after `100 Continue` (RFC 9110 section 10.1.1). */
function awaitsContinue({ headers, httpVersion }: Request): boolean {
  return httpVersion !== '1.0' && headers.expect?.toLowerCase() === '100-continue';
}

function bodyRequired(): AppError {
  return new AppError('body_required', 'This request needs a JSON body; an absent one is not taken for {}.');
}

function parseMediaType(req: Request, mediaTypes: readonly string[]): string {
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

/** Makes recursion over a body safe. */
function assertReachable(value: JsonValue, maxDepth: number): void {
  if (!nestsDeeperThan(value, MAX_NESTING)) return;
  const pointer = getPathBeyond(value, maxDepth).map((name) => `/${pointerToken(name)}`);
  throw createTooLargeError(
    pointer.join('').toWellFormed(),
    'too_deep',
    `Nesting is limited to ${maxDepth}.`,
  );
}

/** Where the value first nests beyond so many levels. */
function getPathBeyond(value: JsonValue, levels: number): string[] {
  if (levels === 0 || typeof value !== 'object' || value === null) return [];
  const [name, child] = Object.entries(value).find(([, each]) => nestsDeeperThan(each, levels - 1)) ?? [];
  return name === undefined || child === undefined ? [] : [name, ...getPathBeyond(child, levels - 1)];
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
