/** The operator's schema in the languages of the policy. */
import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { chooseLanguage } from '../../../src/http/request-options.ts';
import { localizeSchemas } from '../../../src/metadata/schema/locales.ts';
import { createSchemaRules } from '../../../src/metadata/schema-rules.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { openScene } from '../../support/scene.ts';
import { getErrors } from '../../config/environment.ts';

const SCHEMA = {
  title: 'Preferences',
  properties: { theme: { title: 'Theme', enum: ['light', 'dark'], 'x-ui': { widget: 'radio' } } },
};
const de = {
  title: 'Einstellungen',
  properties: { theme: { title: 'Farbschema', 'x-ui': { optionLabels: { dark: 'Dunkel' } } } },
};
const { service } = await openScene({
  policy: {
    userMetadata: { schema: SCHEMA, language: 'en', locales: { de, 'pt-BR': { title: 'Preferências' } } },
  },
});
const plain = await openScene({ policy: { userMetadata: { schema: SCHEMA } } });

const read = (language: string | undefined, headers: Record<string, string> = {}, url = service.url) =>
  fetch(`${url}/schemas/user-metadata`, {
    headers: { ...headers, 'accept-language': language ?? '' },
  });

describe('/schemas/user-metadata', () => {
  test.each([
    ['de', 'de', 'Einstellungen'],
    ['de-CH, en;q=0.5', 'de', 'Einstellungen'],
    ['en, de;q=0.9', 'en', 'Preferences'],
    ['fr, pt;q=0.5', 'pt-BR', 'Preferências'],
    ['fr', 'en', 'Preferences'],
    ['*', 'en', 'Preferences'],
    ['de;q=0', 'en', 'Preferences'],
    [undefined, 'en', 'Preferences'],
  ])('for %s is in %s', async (asked, language, title) => {
    const response = await read(asked);
    expect(response.headers.get('content-language')).toBe(language);
    expect(response.headers.get('vary')).toContain('Accept-Language');
    expect(await response.json()).toMatchObject({ title });
  });

  test('keeps what the patch does not name, down to the hints', async () => {
    expect(await (await read('de')).json()).toEqual({
      title: 'Einstellungen',
      properties: {
        theme: {
          title: 'Farbschema',
          enum: ['light', 'dark'],
          'x-ui': { widget: 'radio', optionLabels: { dark: 'Dunkel' } },
        },
      },
    });
  });

  test('has a tag for each language', async () => {
    const [german, english] = [await read('de'), await read('en')];
    const etag = german.headers.get('etag') ?? '';
    expect(etag).not.toBe(english.headers.get('etag'));
    expect((await read('de', { 'if-none-match': etag })).status).toBe(304);
    expect((await read('en', { 'if-none-match': etag })).status).toBe(200);
  });

  test('without languages says nothing of them', async () => {
    const response = await read('de', {}, plain.service.url);
    expect([response.headers.get('content-language'), await response.json()]).toEqual([null, SCHEMA]);
  });
});

test('of two languages with the same weight the first is chosen, and of two tags the exact one', () => {
  expect(chooseLanguage('fr, de', ['de', 'fr'])).toBe('fr');
  expect(chooseLanguage('DE', ['de-CH', 'de'])).toBe('de');
});

describe('a language is refused at the start', () => {
  test.each<[string, JsonObject, RegExp]>([
    [
      'that changes a rule',
      { properties: { theme: { enum: ['hell'] } } },
      /de\/properties\/theme\/enum: may change/,
    ],
    [
      'that adds a rule',
      { properties: { theme: { minLength: 1 } } },
      /theme\/minLength: the schema has no such place/,
    ],
    [
      'that names no place',
      { properties: { colour: { title: 'x' } } },
      /properties\/colour: the schema has no such/,
    ],
    ['that removes a place', { properties: { theme: null } }, /properties\/theme: may change/],
    [
      'with an unknown widget',
      { properties: { theme: { 'x-ui': { widget: 'wheel' } } } },
      /x-ui: widget must be one/,
    ],
  ])('%s', (_name, patch, message) => {
    expect(() => localizeSchemas({ schema: SCHEMA, locales: { de: patch } })).toThrow(message);
  });

  test('whose name is none', () => {
    const policy = JSON.stringify({ userMetadata: { schema: SCHEMA, locales: { 'no tag': {} } } });
    expect(getErrors({ POLICY_FILE: '/etc/policy.json' }, { '/etc/policy.json': policy })).toHaveLength(1);
  });
});

test.each<[string, JsonObject, RegExp]>([
  ['an unknown widget', { 'x-ui': { widget: 'wheel' } }, /a\/x-ui: widget must be one of radio, switch/],
  ['an unknown hint', { 'x-ui': { colour: 'red' } }, /a\/x-ui: /],
  ['x-ui that is a text', { 'x-ui': 'radio' }, /a\/x-ui: must be an object of hints/],
  [
    'a value that is set once and stamped',
    { 'x-write-once': true, allOf: [{ 'x-stamp': { source: '/b', value: 'now' } }] },
    /a: x-write-once contradicts x-stamp/,
  ],
])('%s is refused at the start', (_name, rule, message) => {
  expect(() => createSchemaRules({ properties: { a: rule } })).toThrow(message);
});

function readConfig(name: string): JsonObject {
  return JSON.parse(readFileSync(new URL(`../../../config/${name}`, import.meta.url), 'utf8'));
}

function getTitles(document: JsonObject | undefined): readonly string[] {
  return [...JSON.stringify(document).matchAll(/"title":"([^"]+)"/g)].map(([, title = '']) => title);
}

test.each(['de', 'el', 'ar'])('the schema of the demo is complete in %s', (tag) => {
  const schema = readConfig('user-metadata.schema.json');
  const locales = { [tag]: readConfig(`user-metadata.${tag}.json`) };
  const [english, others] = [getTitles(schema), getTitles(localizeSchemas({ schema, locales })[tag])];
  expect(others).toHaveLength(english.length);
  expect(others.filter((title) => english.includes(title))).toEqual([]);
});
