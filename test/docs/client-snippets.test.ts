/** The TypeScript and JavaScript of `docs/client.md`, as one app, compiles; and its types are what the command writes. */
import { afterAll, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { userMetadataTypes } from '../../src/commands/types.ts';
import { type Fence, pageAt, ROOT } from './documents.ts';

const blocks = pageAt('docs/client.md').fences.filter(({ info }) => ['ts', 'tsx', 'js'].includes(info));
const app = mkdtempSync(join(tmpdir(), 'snippets-'));
afterAll(() => rmSync(app, { recursive: true }));

/** Each block says in its first line which file it is. */
const nameOf = ({ text }: Fence): string => /^\/\/ ([\w-]+\.(?:js|tsx?))\n/.exec(text)?.[1] ?? '';

/** What the snippets use of the frameworks, as those declare it. */
const FRAMEWORKS = `
  declare module 'vue' {
    export function shallowRef<T>(value: T): { value: T };
    export function onScopeDispose(dispose: () => void): void;
  }
`;

test('the snippets of docs/client.md compile together', async () => {
  const names = blocks.map(nameOf);
  expect(names).toEqual([...new Set(names)]);
  expect(names).toEqual(
    expect.arrayContaining([
      'auth0.ts',
      'app.tsx',
      'metadata-queries.ts',
      'metadata-composable.ts',
      'page.js',
    ]),
  );
  for (const block of blocks) writeFileSync(join(app, nameOf(block)), block.text);
  writeFileSync(join(app, 'frameworks.d.ts'), FRAMEWORKS);
  const config = {
    compilerOptions: {
      target: 'es2022',
      module: 'esnext',
      moduleResolution: 'bundler',
      lib: ['es2022', 'dom', 'dom.iterable'],
      types: [],
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      noPropertyAccessFromIndexSignature: true,
      allowJs: true,
      checkJs: true,
      allowImportingTsExtensions: true,
      noEmit: true,
      jsx: 'react-jsx',
      skipLibCheck: true,
      paths: {
        '@metadata-bff/client': [join(ROOT, 'packages/client/src/index.ts')],
        '@metadata-bff/client/react': [join(ROOT, 'packages/client/src/react.ts')],
        '@metadata-bff/client/tanstack-query': [join(ROOT, 'packages/client/src/tanstack-query.ts')],
        '@auth0/auth0-react': [join(ROOT, 'node_modules/@auth0/auth0-react/dist/index.d.ts')],
        '@tanstack/query-core': [join(ROOT, 'node_modules/@tanstack/query-core/build/modern/index.d.ts')],
        react: [join(ROOT, 'node_modules/@types/react/index.d.ts')],
        'react/jsx-runtime': [join(ROOT, 'node_modules/@types/react/jsx-runtime.d.ts')],
        '@auth0/auth0-spa-js': [join(ROOT, 'node_modules/@auth0/auth0-spa-js/dist/typings/index.d.ts')],
      },
    },
    include: ['*'],
  };
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify(config));
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const compiled = promisify(execFile)(process.execPath, [compiler, '-p', app]);
  const said = await compiled.catch((failure: unknown) => failure);
  expect(said).toMatchObject({ stdout: '' });
});

test('the types that docs/client.md shows are those of the demo’s schema', async () => {
  const schema = JSON.parse(readFileSync(join(ROOT, 'config', 'user-metadata.schema.json'), 'utf8'));
  const shown = blocks.find((block) => nameOf(block) === 'user-metadata.ts')?.text;
  expect(shown).toBe(`// user-metadata.ts\n${await userMetadataTypes(schema)}`);
});
