/** Scope names and limits that the policy sets in place of the usual ones. */
import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../../support/problem.ts';
import { openScene } from '../../support/scene.ts';

const { person, service, managementCalls } = await openScene({
  policy: {
    scopes: {
      readMetadata: 'prefs.read',
      updateMetadata: 'prefs/write',
      readAppMetadata: 'https://example.com/app',
      readClientMetadata: 'client:read',
    },
    limits: { keys: 3, depth: 2 },
    appMetadata: { readable: ['plan'] },
  },
});
const ALL = 'prefs.read prefs/write https://example.com/app client:read';

describe('scopes', () => {
  test('by the names of the policy let in', async () => {
    const jane = await person({ a: 1 }, { scope: ALL });
    expect((await jane.ask('GET')).status).toBe(200);
    expect((await jane.ask('PUT', '/a', { json: 2 })).status).toBe(200);
  });

  test.each([
    ['GET', '', 'read:metadata update:metadata', 'prefs.read'],
    ['GET', '', 'prefs/write', 'prefs.read'],
    ['DELETE', '', 'prefs.read', 'prefs/write'],
    ['DELETE', '/a', 'update:metadata', 'prefs/write'],
    ['GET', '/../app-metadata', 'prefs.read', 'https://example.com/app'],
    ['GET', '/../../client/metadata', 'prefs.read', 'client:read'],
  ])('%s %s with %s is refused, and the challenge names %s', async (method, path, scope, wanted) => {
    const jane = await person({ a: 1 }, { scope });
    const response = await jane.ask(method, path);
    expect(response.headers.get('www-authenticate')).toContain(`error="insufficient_scope"`);
    expect(response.headers.get('www-authenticate')).toContain(`scope="${wanted}"`);
    await expectProblem(response, 403, 'scope_missing');
    expect(managementCalls()).toBe(0);
  });

  test('are announced by their names', async () => {
    const response = await fetch(`${service.url}/.well-known/oauth-protected-resource`);
    expect(await response.json()).toMatchObject({ scopes_supported: ALL.split(' ') });
  });
});

describe('limits', () => {
  test.each([
    ['as many keys as allowed', { a: 1, b: 1, c: 1 }],
    ['as deep as allowed', { a: { b: 1 } }],
  ])('let through %s', async (_name, json) => {
    const jane = await person({}, { scope: ALL });
    expect((await jane.ask('PUT', '', { json })).status).toBe(200);
  });

  test.each([
    ['one key too many', { a: 1, b: 1, c: 1, d: 1 }, ''],
    ['one key too many below', { a: { w: 1, x: 1, y: 1, z: 1 } }, '/a'],
    ['one level too many', { a: { b: {} } }, '/a/b'],
    ['one list too many', { a: [[]] }, '/a/0'],
  ])('stop %s', async (_name, json, pointer) => {
    const jane = await person({}, { scope: ALL });
    const response = await jane.ask('PUT', '', { json });
    await expectProblem(response, 413, 'metadata_too_large', { errors: [{ pointer }] });
    expect(managementCalls()).toBe(0);
  });
});
