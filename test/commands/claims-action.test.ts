import { describe, expect, test } from '@jest/globals';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { decodeJwt } from 'jose';
import { startTenant } from '../../packages/local-tenant/src/tenant.ts';
import { createClaimsAction } from '../../src/commands/claims-action.ts';
import { runProgram } from '../e2e/program.ts';
import { createBrowser } from '../tenant/browser.ts';
import { putJson } from '../tenant/tenant-client.ts';

const LANGUAGE = 'https://app.example.com/language';
const PLAN = 'https://app.example.com/plan';

type Claims = Record<string, unknown>;
type Handler = (event: unknown, api: unknown) => Promise<void>;

/** Runs the text as Auth0 does: a CommonJS module whose handler gets the event and the API. */
async function runAction(text: string, user: unknown): Promise<{ access: Claims; id: Claims }> {
  const exports: { onExecutePostLogin?: Handler } = {};
  runInContext(text, createContext({ exports }));
  const [access, id]: Claims[] = [{}, {}];
  const setInto = (claims: Claims | undefined) => ({
    setCustomClaim: (name: string, value: unknown) => Object.assign(claims ?? {}, { [name]: value }),
  });
  await exports.onExecutePostLogin?.({ user }, { accessToken: setInto(access), idToken: setInto(id) });
  return { access: access ?? {}, id: id ?? {} };
}

const claims = { [LANGUAGE]: '/user_metadata/language', [PLAN]: '/app_metadata/plan' };

describe('the Action', () => {
  const action = createClaimsAction(claims, { inIdToken: false });

  test('copies each stored value into its claim of the access token alone', async () => {
    const user = {
      user_metadata: { language: 'de', theme: 'dark' },
      app_metadata: { plan: { name: 'gold', seats: 3 } },
    };
    expect(await runAction(action, user)).toEqual({
      access: { [LANGUAGE]: 'de', [PLAN]: { name: 'gold', seats: 3 } },
      id: {},
    });
  });

  test.each<[string, unknown]>([
    ['without metadata', {}],
    ['with empty metadata', { user_metadata: {}, app_metadata: {} }],
    ['with null', { user_metadata: { language: null }, app_metadata: null }],
    ['with metadata that is no object', { user_metadata: 'text', app_metadata: 5 }],
  ])('sets no claim for a user %s', async (_what, user) => {
    expect(await runAction(action, user)).toEqual({ access: {}, id: {} });
  });

  test('sets false, 0 and an empty text', async () => {
    const values = { a: false, b: 0, c: '' };
    const names = Object.fromEntries(
      Object.keys(values).map((key) => [`https://a.example/${key}`, `/user_metadata/${key}`]),
    );
    const { access } = await runAction(createClaimsAction(names, { inIdToken: false }), {
      user_metadata: values,
    });
    expect(Object.values(access)).toEqual([false, 0, '']);
  });

  test('sets the claims of ID tokens, too, when it is asked to', async () => {
    const both = createClaimsAction(claims, { inIdToken: true });
    const { access, id } = await runAction(both, { user_metadata: { language: 'el' } });
    expect([access, id]).toEqual([{ [LANGUAGE]: 'el' }, { [LANGUAGE]: 'el' }]);
  });

  test.each([
    ['/user_metadata/a/b/c', 1],
    ['/user_metadata/a~1b', 'slash'],
    ['/user_metadata/m~0n', 'tilde'],
    ['/user_metadata/list/1', 'second'],
    ["/user_metadata/it's \u2028`${odd}`", 'odd'],
    ['/user_metadata/list/length', undefined],
    ['/user_metadata/list/9', undefined],
    ['/user_metadata/constructor', undefined],
    ['/user_metadata/a/b/c/d', undefined],
    ['/user_metadata/text/length', undefined],
  ])('follows the pointer %s', async (pointer, value) => {
    const user_metadata = {
      a: { b: { c: 1 } },
      'a/b': 'slash',
      'm~n': 'tilde',
      list: ['first', 'second'],
      "it's \u2028`${odd}`": 'odd',
      text: 'text',
    };
    const { access } = await runAction(createClaimsAction({ [LANGUAGE]: pointer }, { inIdToken: false }), {
      user_metadata,
    });
    expect(access[LANGUAGE]).toEqual(value);
  });
});

describe('the Action in the local tenant', () => {
  test('sets the claims at a login, and those of the changed metadata at a refresh', async () => {
    const policy = await writePolicy({ claims, appMetadata: { readable: ['plan'] } });
    const program = runProgram({ POLICY_FILE: policy }, 'claims-action', '--id-token');
    expect(await program.ends()).toBe(0);
    const tenant = await startTenant({ actions: [program.output()] });
    try {
      const browser = createBrowser(tenant.url);
      const code = await browser.logIn({ username: 'jane@example.com', password: 'local' });
      const { body: tokens } = await browser.exchangeCode(code);
      expect(decodeJwt(String(tokens['access_token']))[LANGUAGE]).toBe('en');
      await putJson(`${tenant.url}/_local/users/auth0%7Cjane`, {
        user_metadata: { language: 'de' },
        app_metadata: { plan: { name: 'gold' } },
      });
      const { body: renewed } = await browser.postToken({
        client_id: 'local-spa',
        grant_type: 'refresh_token',
        refresh_token: String(tokens['refresh_token']),
      });
      for (const name of ['access_token', 'id_token']) {
        expect(decodeJwt(String(renewed[name]))).toMatchObject({
          [LANGUAGE]: 'de',
          [PLAN]: { name: 'gold' },
        });
      }
      await putJson(`${tenant.url}/_local/users/auth0%7Cjane`, { user_metadata: {} });
      const { body: last } = await browser.postToken({
        client_id: 'local-spa',
        grant_type: 'refresh_token',
        refresh_token: String(renewed['refresh_token'] ?? tokens['refresh_token']),
      });
      expect(decodeJwt(String(last['access_token']))).not.toHaveProperty([LANGUAGE]);
    } finally {
      await tenant.stop();
    }
  });
});

async function writePolicy(policy: unknown): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'policy-')), 'policy.json');
  await writeFile(path, JSON.stringify(policy));
  return path;
}

describe('claims-action', () => {
  test('prints the Action of the policy that is given, and ends with 0', async () => {
    const path = await writePolicy({ claims, appMetadata: { readable: ['plan'] } });
    const program = runProgram({}, 'claims-action', '--policy', path, '--id-token');
    expect(await program.ends()).toBe(0);
    expect(program.output()).toBe(createClaimsAction(claims, { inIdToken: true }));
  });

  test('says that a policy names no claims, and ends with 1', async () => {
    const program = runProgram({ POLICY_FILE: await writePolicy({}) }, 'claims-action');
    expect(await program.ends()).toBe(1);
    expect(program.output()).toMatch(/^The policy has no claims/);
  });

  test('names what is wrong with a policy, and ends with 1', async () => {
    const path = await writePolicy({ claims: { sub: '/user_metadata/a' } });
    const program = runProgram({ POLICY_FILE: path }, 'claims-action');
    expect(await program.ends()).toBe(1);
    expect(program.output()).toContain('POLICY_FILE: claims.sub: must be an https address');
  });
});
