/** Clients that others generate from the OpenAPI document of a running service: they compile, and they work. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openStage } from '../http/events/stage.ts';
import { APP, run, runModule } from './app.ts';

const FOLDER = join(APP, 'generated');
const MODULES = join(APP, 'node_modules');

/** What an app makes of each client: it changes, reads, and asks for a key that is not there. */
const PROGRAMS = {
  'hey-api.ts': `
    import { createClient } from './hey-api/client/index.js';
    import { type Problem, type UserMetadata, patchMetadata, readMetadata, readMetadataKey } from './hey-api/index.js';

    export async function main(baseUrl: string, token: string): Promise<unknown[]> {
      const client = createClient({ baseUrl, auth: () => token });
      const changed = await patchMetadata({ client, body: { theme: 'light' } });
      const theme: UserMetadata['theme'] = changed.data?.theme;
      const { data } = await readMetadata({ client });
      const { error } = await readMetadataKey({ client, path: { key: 'none' } });
      const code: Problem['code'] | undefined = error?.code;
      return [theme, data?.theme, code];
    }
  `,
  'openapi-fetch.ts': `
    import createClient from 'openapi-fetch';
    import type { components, paths } from './service.js';

    type Schemas = components['schemas'];

    export async function main(baseUrl: string, token: string): Promise<unknown[]> {
      const client = createClient<paths>({ baseUrl, headers: { authorization: \`Bearer \${token}\` } });
      const headers = { 'Content-Type': 'application/merge-patch+json' };
      const changed = await client.PATCH('/me/metadata', { body: { theme: 'light' }, headers });
      const theme: Schemas['UserMetadata']['theme'] = changed.data?.theme;
      const { data } = await client.GET('/me/metadata');
      const { error } = await client.GET('/me/metadata/{key}', { params: { path: { key: 'none' } } });
      const code: Schemas['Problem']['code'] | undefined = error?.code;
      return [theme, data?.theme, code];
    }
  `,
  // Each of these lines is an error that the types must find.
  'misuse.ts': `
    import { patchMetadata, type Problem, readMetadataKey, type UserMetadata } from './hey-api/index.js';
    import type { components } from './service.js';

    // @ts-expect-error The schema of the operator lists the themes.
    export const one: UserMetadata = { theme: 'blue' };
    // @ts-expect-error The same.
    export const two: components['schemas']['UserMetadata'] = { theme: 'blue' };
    // @ts-expect-error A code that no error has.
    export const three: Problem['code'] = 'unknown_code';
    // @ts-expect-error A key has to be named.
    export const four = () => readMetadataKey({});
    // @ts-expect-error A patch has to be given.
    export const five = () => patchMetadata({});
  `,
};

const COMPILER_OPTIONS = {
  target: 'es2022',
  module: 'nodenext',
  lib: ['es2022', 'dom', 'dom.iterable'],
  types: [],
  strict: true,
  noUncheckedIndexedAccess: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noFallthroughCasesInSwitch: true,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  outDir: 'out',
};

function openService() {
  return openStage({
    env: { AUTH0_COMPAT: 'true', PUBLIC_HEALTH: 'true', AUTH0_EVENTS: 'false' },
    policy: { userMetadata: { schema: 'user-metadata.schema.json' } },
  });
}

/** Generates both clients from what `/openapi.json` answers. */
beforeAll(async () => {
  mkdirSync(FOLDER);
  const { service } = await openService();
  const answer = await fetch(`${service.url}/openapi.json`);
  writeFileSync(join(FOLDER, 'openapi.json'), await answer.text());
  writeFileSync(
    join(FOLDER, 'generate.js'),
    `import { createClient } from '@hey-api/openapi-ts';
     await createClient({
       input: 'openapi.json',
       output: { path: 'hey-api', module: { extension: '.js' } },
       logs: { level: 'silent', file: false },
     });`,
  );
  await run(FOLDER, process.execPath, { args: ['generate.js'] });
  const generator = join(MODULES, 'openapi-typescript', 'bin', 'cli.js');
  // Defaults are for forms: what is stored may lack them.
  const options = ['--default-non-nullable=false', '-o', 'service.d.ts'];
  await run(FOLDER, process.execPath, { args: [generator, 'openapi.json', ...options] });
  for (const [name, text] of Object.entries(PROGRAMS)) writeFileSync(join(FOLDER, name), text);
  const config = { compilerOptions: COMPILER_OPTIONS, include: ['*.ts', 'hey-api'] };
  writeFileSync(join(FOLDER, 'tsconfig.json'), JSON.stringify(config));
});

test.each(['typescript', 'typescript-7'])(
  'both clients compile without an error under strict settings, with %s',
  async (compiler) => {
    const args = [join(MODULES, compiler, 'bin', 'tsc'), '-p', 'tsconfig.json'];
    expect(await run(FOLDER, process.execPath, { args })).toBe('');
  },
);

describe.each(['hey-api', 'openapi-fetch'])('the client of %s', (name) => {
  test('changes and reads the metadata, and tells errors apart', async () => {
    const program = `
      import { main } from './generated/out/${name}.js';
      console.log(JSON.stringify(await main(...process.argv.slice(1))));
    `;
    const { service, token } = await openService();
    const result = await runModule(program, { args: [service.url, token] });
    expect(result).toEqual(['light', 'light', 'key_not_found']);
  });
});

test('the generated functions and types have the names that a reader expects', () => {
  const text = readFileSync(join(FOLDER, 'hey-api', 'sdk.gen.ts'), 'utf8');
  const functions = [...text.matchAll(/^export const (\w+) = </gm)].map(([, name = '']) => name);
  expect(functions.toSorted()).toEqual([
    'patchMetadata',
    'patchUser',
    'readAppMetadata',
    'readClientMetadata',
    'readDocsFile',
    'readDocsPage',
    'readLiveness',
    'readMetadata',
    'readMetadataKey',
    'readMetadataSchema',
    'readOpenApi',
    'readPolicy',
    'readProfile',
    'readProtectedResource',
    'readReadiness',
    'readUser',
    'removeMetadata',
    'removeMetadataKey',
    'replaceMetadata',
    'replaceMetadataKey',
    'streamMetadataEvents',
  ]);
  const types = readFileSync(join(FOLDER, 'hey-api', 'types.gen.ts'), 'utf8');
  const errors = /export type ReadMetadataErrors = \{([\s\S]*?)\n\};/.exec(types)?.[1] ?? '';
  const shapes = [...errors.matchAll(/^ {4}(\d+): (.+);$/gm)].map(([, , shape]) => shape);
  expect(shapes.length).toBeGreaterThan(10);
  expect([...new Set(shapes)]).toEqual(['Problem']);
});
