import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { userMetadataTypes } from '../../src/commands/types.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { parseObject } from '../support/json.ts';

/** The lines of the declaration that say something, without the comments of the schema. */
async function linesOf(schema: JsonObject): Promise<string[]> {
  const text = await userMetadataTypes(schema);
  return text
    .replaceAll(/\/\*\*[\s\S]*?\*\//g, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && line !== '}');
}

describe('the types of an operator’s schema', () => {
  test('name each key of the example with its values, and mark what is read-only', async () => {
    const schema = JSON.parse(readFileSync('config/user-metadata.schema.json', 'utf8'));
    const lines = await linesOf(schema);
    expect(lines).toEqual(
      expect.arrayContaining([
        'export interface UserMetadata {',
        "theme?: 'system' | 'light' | 'dark';",
        "frequency?: 'never' | 'daily' | 'weekly';",
        'interests?: string[];',
        'readonly member_since?: string;',
      ]),
    );
    expect(Object.keys(parseObject(JSON.stringify(schema['properties']))).length).toBeGreaterThan(7);
  });

  test('follow references, nesting, odd names and tuples', async () => {
    const lines = await linesOf({
      title: 'Not the name',
      required: ['a-b', 'title'],
      properties: {
        'a-b': { type: 'string', readOnly: true },
        title: { title: 'Not a name either', type: ['string', 'null'] },
        by: { $ref: '#/$defs/day' },
        deep: {
          type: 'object',
          properties: { x: { const: 1, readOnly: true } },
          additionalProperties: false,
        },
        pair: { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }], items: false },
      },
      $defs: { day: { type: 'string', readOnly: true } },
      additionalProperties: false,
    });
    expect(lines).toEqual([
      'export type Day = string;',
      'export interface UserMetadata {',
      "readonly 'a-b': string;",
      'title: string | null;',
      'readonly by?: Day;',
      'deep?: {',
      'readonly x?: 1;',
      '};',
      'pair?: [string, number];',
    ]);
  });

  test('without a schema allow anything', async () => {
    expect(await linesOf({})).toEqual(['export interface UserMetadata {', '[k: string]: unknown;']);
  });

  test('of a schema that refers elsewhere are refused', async () => {
    await expect(userMetadataTypes({ properties: { a: { $ref: 'other.json' } } })).rejects.toThrow(
      'other.json',
    );
  });
});
