import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { RESOURCE_METADATA_PATH } from '../../../src/http/middleware/public-address.ts';
import { openScene } from '../../support/scene.ts';
import { openContract } from './contract.ts';

const { service } = await openScene({ env: { AUTH0_COMPAT: 'true', PUBLIC_HEALTH: 'true' } });
const { document, paths } = await openContract(service);
const plain = await openContract((await openScene()).service);

/** The first argument of every `createRoute(...)` in the routes, in the notation of OpenAPI. */
function registeredPaths(): string[] {
  const folder = 'src/http/routes';
  const files = readdirSync(folder).filter((file) => file !== 'route.ts');
  const sources = files.map((file) => readFileSync(`${folder}/${file}`, 'utf8'));
  const constants: Record<string, string> = { RESOURCE_METADATA_PATH };
  return sources.flatMap((source) =>
    [...source.matchAll(/\bcreateRoute\(\s*(?:'([^']+)'|(\w+))/g)].map(([, literal, name = '']) =>
      (literal ?? constants[name] ?? name).replaceAll(/:(\w+)/g, '{$1}'),
    ),
  );
}

test('the document describes every registered route and no other', () => {
  expect(Object.keys(paths).toSorted()).toEqual(registeredPaths().toSorted());
});

describe.each(Object.keys(paths))('%s', (path) => {
  test('is described with the methods that it allows', async () => {
    const described = Object.keys(paths[path] ?? {}).map((method) => method.toUpperCase());
    const response = await fetch(service.url + path.replaceAll(/\{\w+\}/g, 'any'), { method: 'OPTIONS' });
    expect(response.status).toBe(204);
    const allowed = response.headers.get('allow')?.split(', ') ?? [];
    // Each resource answers HEAD as GET and OPTIONS, which the introduction says once.
    const others = allowed.filter((method) => method !== 'HEAD' && method !== 'OPTIONS');
    expect(described.toSorted()).toEqual(others.toSorted());
  });
});

test('the drop-in and health are described where they are offered only', () => {
  const added = Object.keys(paths).filter((path) => !(path in plain.paths));
  expect(added).toEqual(['/api/v2/users/{id}', '/livez', '/readyz']);
  expect(JSON.stringify(plain.document)).not.toMatch(/current_user|Auth0Error|Management API/);
  expect(JSON.stringify(document)).toContain('read:current_user');
});
