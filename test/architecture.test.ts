import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

const ROOT = new URL('../', import.meta.url);

interface Module {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function modulesIn(folder: string): Module[] {
  return readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const path = posix.join(folder, name);
      const text = readFileSync(new URL(path, ROOT), 'utf8');
      const specifiers = [...text.matchAll(/(?:from|import|import\()\s*'(\.[^']+)'/g)].map(
        ([, to = '']) => to,
      );
      return { path, text, imports: specifiers.map((to) => posix.join(posix.dirname(path), to)) };
    });
}

const sources = modulesIn('src');
const configuration = modulesIn('config');
const shipped = [...sources, ...configuration];

/** The room of a file, or its own path where it stands outside of all rooms. */
function roomOf(path: string): string {
  const [top = '', room = '', ...rest] = path.split('/');
  if (top === 'config') return 'config';
  return rest.length > 0 ? room : path;
}

/**
 * Who may know whom. A file belongs to its folder below `src`; beside its own, it may import from these.
 * Whatever is not listed is forbidden, new rooms included.
 */
const MAY_KNOW: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  metadata: ['lib'],
  identity: ['lib'],
  auth0: ['src/metadata/ports.ts', 'lib'],
  cache: ['src/metadata/ports.ts', 'lib'],
  redis: ['src/metadata/ports.ts', 'lib'],
  observability: ['src/metadata/ports.ts', 'lib'],
  http: ['identity', 'metadata', 'lib'],
  // Shipped to apps, for browsers: it stands alone, and nothing of the service knows it.
  form: [],
  config: [],
  // For apps: it knows nothing of the service but what it answers.
  client: [],
};

/** Files outside of all rooms: they put the parts together. */
const COMPOSITION = /^src\/(?:compose[\w-]*|check|main|tuning)\.ts$/;

test('all modules were read, with their imports', () => {
  expect(sources.length).toBeGreaterThan(45);
  expect(configuration.length).toBeGreaterThan(3);
  expect(shipped.flatMap(({ imports }) => imports).length).toBeGreaterThan(150);
  const paths = new Set(shipped.map(({ path }) => path));
  const unresolved = shipped.flatMap(({ imports }) =>
    imports.filter((to) => to.endsWith('.ts') && !paths.has(to)),
  );
  expect(unresolved).toEqual([]);
});

test('every file stands in a room or puts the rooms together', () => {
  const strangers = shipped.filter(({ path }) => !(roomOf(path) in MAY_KNOW) && !COMPOSITION.test(path));
  expect(strangers.map(({ path }) => path)).toEqual([]);
});

test.each(Object.entries(MAY_KNOW))('%s knows of others only: %j', (room, others) => {
  const known = new Set([room, ...others]);
  const forbidden = shipped
    .filter(({ path }) => roomOf(path) === room)
    .flatMap(({ path, imports }) =>
      imports.filter((to) => !known.has(roomOf(to)) && !known.has(to)).map((to) => `${path} -> ${to}`),
    );
  expect(forbidden).toEqual([]);
});

test('the entry knows the configuration, the composition and what they fail with', () => {
  const entry = sources.find(({ path }) => path === 'src/main.ts');
  const beside = entry?.imports.filter((to) => roomOf(to) !== 'config' && !COMPOSITION.test(to)) ?? [
    'no entry',
  ];
  expect(beside.filter((to) => !/^src\/lib\/[\w-]+-error\.ts$/.test(to))).toEqual([]);
});

test('nobody but the entry knows the composition', () => {
  const found = shipped
    .filter(({ path }) => !COMPOSITION.test(path))
    .flatMap(({ path, imports }) =>
      imports.filter((to) => COMPOSITION.test(to)).map((to) => `${path} -> ${to}`),
    );
  expect(found).toEqual([]);
});

test('the form imports no package, and the composition does not know it', () => {
  const inForm = sources.filter(({ path }) => roomOf(path) === 'form');
  expect(inForm.length).toBeGreaterThan(10);
  expect(holding(inForm, /(?:from|import|import\() *['"][^.]/)).toEqual([]);
  const known = sources.filter(({ path }) => COMPOSITION.test(path)).flatMap(({ imports }) => imports);
  expect(known.filter((to) => roomOf(to) === 'form')).toEqual([]);
});

test('nothing that ships knows what does not ship', () => {
  const found = shipped.flatMap(({ path, imports }) =>
    imports.filter((to) => !/^(?:src|config)\//.test(to)).map((to) => `${path} -> ${to}`),
  );
  expect(found).toEqual([]);
});

test('nothing of the service knows the client that apps use', () => {
  const found = shipped.flatMap(({ path, imports }) =>
    imports
      .filter((to) => roomOf(to) === 'client' && roomOf(path) !== 'client')
      .map((to) => `${path} -> ${to}`),
  );
  expect(found).toEqual([]);
});

test('the client depends on no package', () => {
  const client = shipped.filter(({ path }) => roomOf(path) === 'client');
  expect(client.length).toBeGreaterThan(5);
  expect(holding(client, /(?:from|import|import\() *'[^.]/)).toEqual([]);
});

function holding(modules: readonly Module[], pattern: RegExp): string[] {
  return modules.filter(({ text }) => pattern.test(text)).map(({ path }) => path);
}

const knows = (name: string): string[] => holding(shipped, new RegExp(`from '${name}'`));

describe('in what ships', () => {
  test('only the entry reads the environment or ends the process', () => {
    expect(holding(shipped, /process\.(?:env|exit)\b/)).toEqual(['src/main.ts']);
  });

  test('nothing but the configuration check prints to the console', () => {
    expect(holding(shipped, /\bconsole\./).filter((path) => path !== 'src/check.ts')).toEqual([]);
  });

  test('Express is known to the edge and to who verifies tokens, axios and pino to one file each', () => {
    const rooms = new Set(knows('express').map(roomOf));
    expect(
      [...rooms].filter((room) => !['http', 'identity'].includes(room) && !COMPOSITION.test(room)),
    ).toEqual([]);
    expect(knows('axios')).toEqual(['src/lib/http-client.ts']);
    expect(knows('@redis/client')).toEqual(['src/lib/redis-session.ts']);
  });

  test('OpenTelemetry is known to one file, which is loaded only by whoever wants to trace', () => {
    const sdk = 'src/observability/tracing-sdk.ts';
    expect(new Set(holding(shipped, /from '@opentelemetry\//))).toEqual(new Set([sdk]));
    const importers = holding(shipped, /^import (?!type)[^;]*tracing-sdk\.ts'/m);
    expect([importers, holding(shipped, /await import\('\.\/tracing-sdk\.ts'\)/)]).toEqual([
      [],
      ['src/observability/tracing.ts'],
    ]);
  });

  test('nothing is exported as default, and no file re-exports others but the one that apps import', () => {
    expect(holding(shipped, /^export default\b/m)).toEqual([]);
    expect(holding(shipped, /^export (?:\*|(?:type )?\{[^}]*\} from)/m)).toEqual(['src/client/exports.ts']);
  });

  test('every file opens with what it is for', () => {
    expect(shipped.filter(({ text }) => !text.startsWith('/**')).map(({ path }) => path)).toEqual([]);
  });

  test('nothing is called utils, helpers, common, manager or index', () => {
    const vague = /(?:^|[/-])(?:utils?|helpers?|common|manager|misc|index)(?:[/.-]|$)/;
    expect(shipped.map(({ path }) => path).filter((path) => vague.test(path))).toEqual([]);
  });
});
