/**
 * The Big List of Naughty Strings: each as a value and as a name is stored and read back byte for byte, or refused by
 * the pointer of its place. None changes on the way, and none makes the service fail.
 */
import { createRequire } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { openScene, type Person } from '../support/scene.ts';

const require = createRequire(import.meta.url);
const STRINGS: readonly string[] = require('big-list-of-naughty-strings/blns.json');
/** No browser sends a path segment of dots as it stands; RFC 3986 section 5.2.4 takes it for a place in the path. */
const DOTS = new Set(['.', '..']);

/** All of them at once, so that few requests say everything. */
const { person } = await openScene({
  env: { USER_METADATA_MAX_BYTES: '500000' },
  policy: { limits: { keys: 1000 } },
});

const pointerOf = (name: string) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
const isRefused = (name: string) => name === '' || /[.$]/.test(name) || name === '__proto__';
const NAMES = [...new Set(STRINGS)].filter((string) => !isRefused(string));
const REFUSED = [...new Set(STRINGS)].filter(isRefused);
/** As many faults as one answer names. */
const MAX_FAULTS = 50;

/** What a write of the document answers, what the tenant then holds, and what a read answers. */
async function writtenAndRead(jane: Person, document: Readonly<Record<string, unknown>>): Promise<unknown> {
  const written = await jane.ask('PUT', '', { json: document });
  const answers = [written.status, await written.json(), jane.user.stored];
  return [...answers, await (await jane.ask('GET')).json()];
}

describe('a naughty string', () => {
  test('is there to be tested, as a name that is stored and as one that is not', () => {
    expect(STRINGS.length).toBeGreaterThan(400);
    expect([NAMES.length > 200, REFUSED.length > 50]).toEqual([true, true]);
  });

  test('comes back as it was sent, as a value at any place', async () => {
    const jane = await person({});
    const document = { list: STRINGS, deep: { list: STRINGS.map((value) => ({ value })) } };
    expect(await writtenAndRead(jane, document)).toEqual([200, document, document, document]);
  });

  test('comes back as it was sent, as a name at any place', async () => {
    const jane = await person({});
    const document = Object.fromEntries(NAMES.map((name) => [name, { [name]: name }]));
    expect(await writtenAndRead(jane, document)).toEqual([200, document, document, document]);
  });

  test('is refused by its pointer where it can be no name', async () => {
    const jane = await person({});
    for (let from = 0; from < REFUSED.length; from += MAX_FAULTS) {
      const names = REFUSED.slice(from, from + MAX_FAULTS);
      const body = `{"a":{${names.map((name) => `${JSON.stringify(name)}:1`).join()}}}`;
      const response = await jane.ask('PUT', '', { body, headers: { 'content-type': 'application/json' } });
      const errors = names.map((name) => ({ pointer: `/a${pointerOf(name)}` }));
      await expectProblem(response, 422, 'metadata_invalid', { errors });
    }
    expect(jane.user.patches).toEqual([]);
  });

  test('is the name of a key in a path, where a path can hold it', async () => {
    const names = NAMES.filter((name) => !DOTS.has(name));
    const jane = await person(Object.fromEntries(names.map((name) => [name, name])));
    const answers = await Promise.all(
      names.map(async (name) => (await jane.ask('GET', `/${encodeURIComponent(name)}`)).json()),
    );
    expect(answers).toEqual(names);
  });

  test('is found by a JSON Patch as a name and as a value', async () => {
    const jane = await person({ a: {} });
    const json = NAMES.flatMap((name) => [
      { op: 'add', path: `/a${pointerOf(name)}`, value: name },
      { op: 'test', path: `/a${pointerOf(name)}`, value: name },
    ]);
    const headers = { 'content-type': 'application/json-patch+json' };
    expect((await jane.ask('PATCH', '', { json, headers })).status).toBe(200);
    expect(jane.user.stored).toEqual({ a: Object.fromEntries(NAMES.map((name) => [name, name])) });
  });
});
