/** Bodies by media type, with the examples of the formats that a reader may not know. */
import type { z } from 'zod';
import type { ZodOpenApiContentObject } from 'zod-openapi';
import type { JsonValue } from '../../lib/json.ts';

export const MERGE_PATCH_EXAMPLE = { theme: 'dark', notifications: { email: false }, nickname: null };

export const JSON_PATCH_EXAMPLE = [
  { op: 'test', path: '/theme', value: 'light' },
  { op: 'replace', path: '/theme', value: 'dark' },
  { op: 'add', path: '/interests/-', value: 'chess' },
];

type Described = readonly [schema: z.ZodType, example?: JsonValue];

export function content(types: Readonly<Record<string, Described>>): ZodOpenApiContentObject {
  return Object.fromEntries(
    Object.entries(types).map(([mediaType, [schema, example]]) => [
      mediaType,
      { schema, ...(example === undefined ? {} : { example }) },
    ]),
  );
}

export function json(schema: z.ZodType, example?: JsonValue): ZodOpenApiContentObject {
  return content({ 'application/json': example === undefined ? [schema] : [schema, example] });
}
