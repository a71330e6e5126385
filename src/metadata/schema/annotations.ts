/** The annotations of a schema that are enforced, beside `readOnly`: what they may say, and what is read of them. */
import { z } from 'zod';
import type { JsonObject } from '../../lib/json.ts';

/** `x-stamp`: the service sets the value when the one at `source` changes. */
export interface Stamp {
  /** A JSON Pointer into the document. */
  readonly source: string;
  /** The time, the application, or who acts for the user. */
  readonly value: 'now' | 'client_id' | 'actor';
}

/** `x-step-up`: how recent, or of which class, the login must be for a write that touches the value. */
export interface StepUp {
  readonly maxAgeSeconds: number | undefined;
  readonly acrValues: readonly string[] | undefined;
}

export interface Annotations {
  readonly writeOnce: boolean;
  readonly stamp: Stamp | undefined;
  readonly stepUp: StepUp | undefined;
}

const POINTER = /^(?:\/(?:[^/~]|~[01])+)+$/;
/** Characters of an acr value, which stand between quotes and spaces in a challenge (RFC 9470 section 3). */
const ACR_VALUE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

const writeOnce = z.boolean('must be true or false');
const stamp = z.strictObject({
  source: z.string().regex(POINTER, 'source must be a JSON Pointer such as /terms/version'),
  value: z.enum(['now', 'client_id', 'actor'], 'value must be now, client_id or actor'),
});
const stepUp = z
  .strictObject({
    max_age: z.int('max_age must be a whole number of seconds').min(0).optional(),
    acr_values: z
      .array(z.string().regex(ACR_VALUE, 'acr_values must be names without spaces'))
      .min(1)
      .optional(),
  })
  .refine((value) => Object.keys(value).length > 0, 'needs max_age, acr_values or both');

const WIDGETS = ['radio', 'switch', 'chips', 'slider', 'color', 'tel', 'textarea'] as const;
const text = z.string('must be text');
const hints = z.strictObject(
  {
    widget: z.enum(WIDGETS, `widget must be one of ${WIDGETS.join(', ')}`).optional(),
    order: z.number('order must be a number').optional(),
    group: text.optional(),
    placeholder: text.optional(),
    help: text.optional(),
    optionLabels: z.record(z.string(), text, 'optionLabels must be texts by value').optional(),
  },
  { error: ({ code }) => (code === 'unrecognized_keys' ? undefined : 'must be an object of hints') },
);

/** The names of these annotations. */
export const ENFORCED = ['readOnly', 'x-write-once', 'x-stamp', 'x-step-up'] as const;

/** Whether a schema says anything by the annotation. */
export function isAnnotated(source: JsonObject, keyword: (typeof ENFORCED)[number]): boolean {
  const value = Object.hasOwn(source, keyword) ? source[keyword] : undefined;
  return keyword === 'readOnly' || keyword === 'x-write-once' ? value === true : value !== undefined;
}

/** @param refuse is called for each annotation that cannot be read, with the reason. It counts as absent. */
export function readAnnotations(
  source: JsonObject,
  refuse: (keyword: string, reason: string) => void,
): Annotations {
  function parse<T>(keyword: string, schema: z.ZodType<T>): T | undefined {
    if (!Object.hasOwn(source, keyword)) return undefined;
    const result = schema.safeParse(source[keyword]);
    if (result.success) return result.data;
    for (const reason of new Set(result.error.issues.map(({ message }) => message))) refuse(keyword, reason);
    return undefined;
  }
  const login = parse('x-step-up', stepUp);
  parse('x-ui', hints);
  return {
    writeOnce: parse('x-write-once', writeOnce) ?? false,
    stamp: parse('x-stamp', stamp),
    stepUp: login && { maxAgeSeconds: login.max_age, acrValues: login.acr_values },
  };
}
