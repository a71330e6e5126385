/** The set-up that `docs/auth0-set-up.md` describes gives what the code asks for, and not more. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import { policySchema } from '../../config/policy.ts';
import { comparePrivileges } from '../../src/auth0/tenant.ts';
import { pageAt, ROOT } from './documents.ts';

const page = pageAt('docs/auth0-set-up.md');
const fence = (info: string): string => page.fences.find((one) => one.info === info)?.text ?? '';
const own = Object.values(policySchema.parse({}).scopes);

function needed(readsClientMetadata: boolean, readsEvents: boolean): string[] {
  return comparePrivileges([], { readsClientMetadata, readsEvents }).missing.map(({ scope }) => scope);
}

/** The body of the first block of that type and name. */
function resource(text: string, type: string, name: string): string {
  return new RegExp(`^resource "${type}" "${name}" \\{\\n([\\s\\S]*?)^\\}`, 'm').exec(text)?.[1] ?? '';
}

describe('with Terraform', () => {
  const terraform = fence('hcl');

  test('the API has the scopes of the default policy', () => {
    const scopes = resource(terraform, 'auth0_resource_server_scopes', 'metadata');
    expect(scopes.match(/(?<=name +=\s")[^"]+/g)).toEqual(own);
  });

  test('the machine client gets what every service needs, at the Management API alone', () => {
    const grants = terraform.match(/^resource "auth0_client_grant"/gm);
    const grant = resource(terraform, 'auth0_client_grant', 'metadata_bff');
    expect(grants).toHaveLength(1);
    expect(JSON.parse(/scopes += (.*)/.exec(grant)?.[1] ?? '')).toEqual(needed(false, false));
    expect(grant).toMatch(/audience += "https:\/\/\$\{var\.auth0_domain\}\/api\/v2\/"/);
  });

  test('the secret is sent as the service sends it, and the key is one that it takes', () => {
    const secret = resource(terraform, 'auth0_client_credentials', 'metadata_bff');
    expect(secret).toContain('"client_secret_post"');
    const key = resource(fence('hcl key'), 'auth0_client_credentials', 'metadata_bff');
    expect(key).toContain('"private_key_jwt"');
    expect(fence('sh offline')).toContain(/file\("([\w.-]+)"\)/.exec(key)?.[1]);
  });

  test('a role under RBAC has what the metadata of users needs', () => {
    const { readMetadata, updateMetadata } = policySchema.parse({}).scopes;
    const permissions = resource(fence('hcl rbac'), 'auth0_role_permissions', 'member');
    expect(permissions.match(/(?<=name +=\s")[^"]+/g)).toEqual([readMetadata, updateMetadata]);
  });

  test('an app under per-app authorization is granted the scopes of the default policy that users need', () => {
    const { readMetadata, updateMetadata } = policySchema.parse({}).scopes;
    const grant = resource(fence('hcl access'), 'auth0_client_grant', 'app');
    expect(JSON.parse(/scopes += (.*)/.exec(grant)?.[1] ?? '')).toEqual([readMetadata, updateMetadata]);
    expect(grant).toMatch(/subject_type += "user"/);
  });

  test('blocks are balanced, and what they refer to is there', () => {
    const blocks = page.fences.filter(({ info }) => info.startsWith('hcl')).map(({ text }) => text);
    expect(blocks).toHaveLength(5);
    const declared = new Set(
      [...blocks.join('').matchAll(/^resource "(\w+)" "(\w+)"/gm)].map(([, type, name]) => `${type}.${name}`),
    );
    for (const text of blocks) {
      const code = text.replaceAll(/"[^"]*"|#.*/g, '');
      expect(code.match(/\{/g)?.length).toBe(code.match(/\}/g)?.length);
      const used = text.match(/\bauth0_\w+\.\w+(?=\.(?:id|identifier)\b)/g) ?? [];
      expect(used.filter((name) => !declared.has(name))).toEqual([]);
    }
  });
});

test('the page lists the scopes that the features need, and no others', () => {
  const section = page.text.split('## 3. The machine client\n')[1]?.split(/\n#+ /)[0] ?? '';
  const listed = [...section.matchAll(/^ *\| `([a-z]+:[a-z]+)` \|/gm)].map(([, scope = '']) => scope);
  expect(listed).toEqual(needed(true, true));
});

test.each(['docs/auth0-set-up.md', 'docs/api.md'])('%s names every scope of the policy', (path) => {
  expect(own.filter((scope) => !pageAt(path).spans.includes(scope))).toEqual([]);
});

describe('the key that the commands make', () => {
  const folder = mkdtempSync(join(tmpdir(), 'set-up-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('is one that the service takes, with the public half for Auth0', () => {
    execFileSync('bash', ['-euc', fence('sh offline')], { cwd: folder, stdio: 'pipe' });
    const path = join(folder, 'machine-client.key');
    const environment = {
      AUDIENCE: 'https://metadata.example.com',
      AUTH0_DOMAIN: 'tenant.eu.auth0.com',
      AUTH0_CLIENT_ID: 'client',
      AUTH0_CLIENT_SIGNING_KEY_PATH: path,
      POLICY_FILE: join(ROOT, 'config', 'policy.json'),
    };
    expect(() => loadConfig(environment, (file) => readFileSync(file, 'utf8'))).not.toThrow();
    const half = createPublicKey(readFileSync(join(folder, 'machine-client.pub'), 'utf8'));
    expect(half.equals(createPublicKey(createPrivateKey(readFileSync(path, 'utf8'))))).toBe(true);
  });
});
