/**
 * The public test suite of RFC 6902 (json-patch/json-patch-tests) over HTTP: each case as the whole document, where it is
 * an object, and as the value of a key. What differs is listed, with its reason; the list may only get shorter.
 */
import { createRequire } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import { openScene } from '../support/scene.ts';

interface Case {
  readonly comment?: string;
  readonly doc: unknown;
  readonly patch: ReadonlyArray<Readonly<Record<string, unknown>>>;
  readonly expected?: unknown;
  readonly error?: string;
  readonly disabled?: boolean;
}

const require = createRequire(import.meta.url);
const FILES: Readonly<Record<string, readonly Case[]>> = {
  tests: require('json-patch-test-suite/tests.json'),
  spec_tests: require('json-patch-test-suite/spec_tests.json'),
};

/** Why a case ends otherwise here than in the suite, by file and position. */
const EMPTY_NAME = 'an empty name cannot be stored';
const NULL_AT_ROOT = 'Auth0 takes null at the first level for a removal';
const DIFFERENCES: Readonly<Record<string, string>> = {
  'tests/11': EMPTY_NAME,
  'tests/11/wrapped': EMPTY_NAME,
  'tests/12': EMPTY_NAME,
  'tests/12/wrapped': EMPTY_NAME,
  'tests/19': NULL_AT_ROOT,
  'tests/44': NULL_AT_ROOT,
  'tests/45': NULL_AT_ROOT,
  'tests/47': NULL_AT_ROOT,
};

const { person } = await openScene();
const JSON_PATCH = { 'content-type': 'application/json-patch+json' };
const KEY = 'wrapped';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The same case within one key of a document. */
function wrapped({ patch, doc, ...rest }: Case): Case {
  const below = (pointer: unknown) => (typeof pointer === 'string' ? `/${KEY}${pointer}` : pointer);
  return {
    ...rest,
    doc: { [KEY]: doc },
    patch: patch.map((operation) => ({
      ...operation,
      ...('path' in operation ? { path: below(operation['path']) } : {}),
      ...('from' in operation ? { from: below(operation['from']) } : {}),
    })),
    ...('expected' in rest ? { expected: { [KEY]: rest.expected } } : {}),
  };
}

type Row = readonly [name: string, id: string, given: Case];

const rows: readonly Row[] = Object.entries(FILES).flatMap(([file, cases]) =>
  cases.flatMap((given, index): Row[] => {
    if (given.disabled) return [];
    const name = `${file} ${index}: ${given.comment ?? JSON.stringify(given.patch)}`;
    const alone: Row[] = isObject(given.doc) ? [[name, `${file}/${index}`, given]] : [];
    return [...alone, [`${name}, within a key`, `${file}/${index}/wrapped`, wrapped(given)]];
  }),
);

/** What the service makes of a case: the document, or that it refuses. */
async function outcomeOf({ doc, patch }: Case): Promise<unknown> {
  const jane = await person(isObject(doc) ? doc : undefined);
  const response = await jane.ask('PATCH', '', { json: patch, headers: JSON_PATCH });
  const { status } = response;
  if (status === 200) return { status, document: await response.json(), stored: jane.user.stored };
  return { status: status === 409 || status === 422 ? 'refused' : status, stored: jane.user.stored };
}

function expectationOf({ doc, expected, error }: Case): unknown {
  if (error !== undefined) return { status: 'refused', stored: doc };
  // A case without a result consists of tests that hold.
  const document = expected === undefined ? doc : expected;
  return { status: 200, document, stored: document };
}

describe('a case of the suite', () => {
  test.each(rows.filter(([, id]) => !Object.hasOwn(DIFFERENCES, id)))('%s', async (_name, _id, given) => {
    expect(await outcomeOf(given)).toEqual(expectationOf(given));
  });

  test.each(rows.filter(([, id]) => Object.hasOwn(DIFFERENCES, id)))(
    '%s: still differs, for the reason listed',
    async (_name, _id, given) => {
      expect(await outcomeOf(given)).not.toEqual(expectationOf(given));
    },
  );

  test('is known by every difference that is listed', () => {
    const ids = new Set(rows.map(([, id]) => id));
    expect(Object.keys(DIFFERENCES).filter((id) => !ids.has(id))).toEqual([]);
  });
});
