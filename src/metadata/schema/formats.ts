/**
 * The formats of JSON Schema that are checked: those of ajv-formats, whose time is linear, but for `url`, whose
 * expression there takes quadratic time. Any other format is a note to forms.
 */
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { JsonValue } from '../../lib/json.ts';

/** Whether a value has the format. Values of types that the format is not about have it. */
export type FormatTest = (value: JsonValue) => boolean;

/** @returns a function that finds the test of a format, or undefined for a format that is not checked. */
export function createFormats(): (name: string) => FormatTest | undefined {
  let ajv: Ajv2020 | undefined;

  return (name) => {
    if (name === 'url') return (value) => typeof value !== 'string' || isUrl(value);
    // Most schemas ask for no format.
    ajv ??= addFormats.default(new Ajv2020({ logger: false }));
    if (!Object.hasOwn(ajv.formats, name)) return undefined;
    const validate = ajv.compile<JsonValue>({ format: name });
    return (value) => validate(value);
  };
}

/** An absolute address of the web or of FTP at a public name or IPv4 address: what a person could open. */
export function isUrl(text: string): boolean {
  const found = /^(?:https?|ftp):\/\/([^/?#\s]+)(?:[/?#]\S*)?$/iu.exec(text);
  const authority = found?.[1];
  if (authority === undefined || !URL.canParse(text)) return false;
  const host = authority.slice(authority.lastIndexOf('@') + 1).replace(/:\d{2,5}$/, '');
  return isPublicAddress(host) || isPublicName(host);
}

function isPublicName(host: string): boolean {
  const labels = host.split('.');
  return (
    labels.length > 1 &&
    labels.every((label) => /^[a-z0-9\u{a1}-\u{ffff}-]+$/iu.test(label) && !/^-|-$/.test(label)) &&
    /^[a-z\u{a1}-\u{ffff}]{2,}$/iu.test(labels.at(-1) ?? '')
  );
}

function isPublicAddress(host: string): boolean {
  const found = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(host);
  if (!found) return false;
  const [first = 0, second = 0, ...rest] = found.slice(1).map(Number);
  const isPrivate =
    first === 10 ||
    first === 127 ||
    (first === 169 && second === 254) ||
    (first === 192 && second === 168) ||
    (first === 172 && second >= 16 && second <= 31);
  return !isPrivate && first > 0 && first < 224 && [second, ...rest].every((part) => part <= 255);
}
