import { describe, expect, test } from '@jest/globals';
import { parseObject } from '../../support/json.ts';
import { expectProblem } from '../../support/problem.ts';
import { openScene } from '../../support/scene.ts';

const { service } = await openScene();
const { url } = service;
const { service: bare } = await openScene({ env: { DOCS: 'false' } });

test('the page may load from and connect to this service only', async () => {
  const policy = (await fetch(`${url}/docs`)).headers.get('content-security-policy');
  expect(policy).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  );
});

test('the page has no scripts or styles of its own, and everything it names is there', async () => {
  const page = await (await fetch(`${url}/docs`)).text();
  expect(page).not.toMatch(/<style|<script>|\son\w+=|https?:/);
  const addresses = [...page.matchAll(/(?:src|href)="(?!data:)([^"]+)"/g)].map(([, address = '']) => address);
  expect(addresses).toHaveLength(5);
  const answers = await Promise.all(addresses.map((address) => fetch(new URL(address, `${url}/docs`))));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  const start = await (await fetch(`${url}/docs/start.js`)).text();
  expect(start).toContain("url: 'openapi.json'");
});

test.each(['/docs', '/docs/start.js', '/docs/page.css', '/docs/swagger-ui.css', '/openapi.json'])(
  '%s may be kept for a while, and need not be sent again',
  async (path) => {
    const response = await fetch(url + path);
    expect(response.headers.get('cache-control')).toBe('public, max-age=300');
    const headers = { 'if-none-match': response.headers.get('etag') ?? '' };
    expect((await fetch(url + path, { headers })).status).toBe(304);
  },
);

test.each(['package.json', 'swagger-ui.js', 'toString', '..%2Fpackage.json'])(
  'no other file of the package is served, such as %s',
  async (file) => {
    const response = await fetch(`${url}/docs/${file}`);
    expect(response.status).toBe(404);
    await expectProblem(response, 404, 'route_not_found');
  },
);

const pathsOf = (document = {}): string[] => Object.keys(Object(Reflect.get(document, 'paths')));

describe('with DOCS=false', () => {
  test.each(['/docs', '/docs/start.js', '/docs/swagger-ui.css', '/docs/swagger-ui-bundle.js'])(
    '%s is 404',
    async (path) => {
      const answers = await Promise.all(
        ['GET', 'HEAD', 'OPTIONS'].map((method) => fetch(bare.url + path, { method })),
      );
      expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
      await expectProblem(await fetch(bare.url + path), 404, 'route_not_found');
    },
  );

  test('/openapi.json stays, and does not describe the page', async () => {
    const [shown, hidden] = await Promise.all(
      [url, bare.url].map(async (base) => parseObject(await (await fetch(`${base}/openapi.json`)).text())),
    );
    expect(pathsOf(shown).filter((path) => !pathsOf(hidden).includes(path))).toEqual([
      '/docs',
      '/docs/{file}',
    ]);
    expect(pathsOf(hidden)).toContain('/me/metadata');
  });
});
