import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

const ROOT = new URL('../', import.meta.url);

interface Import {
  readonly to: string;
  /** Whether only types are imported, which leave nothing behind in the compiled file. */
  readonly typesOnly: boolean;
}

interface Module {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

const IMPORT = /(?:^import (type )?|\bfrom |\bimport\()(?:[^;']*? from )?'(\.[^']+)'/gms;

function readModules(folder: string): Module[] {
  return readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const path = posix.join(folder, name);
      const text = readFileSync(new URL(path, ROOT), 'utf8');
      const imports = [...text.matchAll(IMPORT)].map(([, type, to = '']) => ({
        to: posix.join(posix.dirname(path), to),
        typesOnly: type !== undefined,
      }));
      return { path, text, imports };
    });
}

const service = readModules('src');
const configuration = readModules('config');
const shipped = [...service, ...configuration];

/** The folder below `src` that a file belongs to; `config`, or the file itself outside of all folders. */
function getFolder(path: string): string {
  const [top = '', folder = '', ...rest] = path.split('/');
  if (top !== 'src') return top;
  return rest.length > 0 ? folder : path;
}

/** What each folder may import at run time, beside itself. Types may be imported from anywhere in `src`. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  metadata: ['lib'],
  redis: ['lib', 'metadata'],
  identity: ['lib', 'redis'],
  auth0: ['lib', 'metadata'],
  cache: ['lib', 'metadata', 'redis'],
  observability: ['lib', 'metadata', 'redis'],
  http: ['lib', 'identity', 'metadata'],
  config: [],
  composition: ['auth0', 'cache', 'config', 'http', 'identity', 'lib', 'metadata', 'observability', 'redis'],
  commands: ['composition', 'config', 'lib', 'metadata'],
  'src/main.ts': ['commands', 'config', 'lib'],
};

test('all modules are read, with their imports', () => {
  expect(service.length).toBeGreaterThan(45);
  const paths = new Set(shipped.map(({ path }) => path));
  const targets = shipped.flatMap(({ imports }) => imports.map(({ to }) => to));
  expect(targets.length).toBeGreaterThan(150);
  expect(targets.filter((to) => !paths.has(to) && !to.endsWith('.json'))).toEqual([]);
});

test.each(Object.entries(MAY_IMPORT))('%s imports nothing else at run time than %j', (folder, others) => {
  const allowed = new Set([folder, ...others]);
  const files = shipped.filter(({ path }) => getFolder(path) === folder);
  expect(files.length).toBeGreaterThan(0);
  const forbidden = files.flatMap(({ path, imports }) =>
    imports
      .filter(({ to, typesOnly }) => !typesOnly && !allowed.has(getFolder(to)))
      .map(({ to }) => `${path} -> ${to}`),
  );
  expect(forbidden).toEqual([]);
});

test('every file belongs to a folder of the table', () => {
  const others = shipped.filter(({ path }) => !(getFolder(path) in MAY_IMPORT));
  expect(others.map(({ path }) => path)).toEqual([]);
});

test('nothing of the service imports the packages, the demo or the scripts', () => {
  const found = shipped.flatMap(({ path, imports }) =>
    imports.filter(({ to }) => !/^(?:src|config)\//.test(to)).map(({ to }) => `${path} -> ${to}`),
  );
  expect(found).toEqual([]);
});

function listHolding(modules: readonly Module[], pattern: RegExp): string[] {
  return modules.filter(({ text }) => pattern.test(text)).map(({ path }) => path);
}

describe('in the service', () => {
  test('only the entry reads the environment or ends the process', () => {
    expect(listHolding(shipped, /process\.(?:env|exit)\b/)).toEqual(['src/main.ts']);
  });

  test('axios and the Redis client are imported by one file each', () => {
    expect(listHolding(shipped, /from 'axios'/)).toEqual(['src/lib/http-client.ts']);
    expect(listHolding(shipped, /from '@redis\/client'/)).toEqual(['src/redis/session.ts']);
  });

  test('OpenTelemetry is imported by one file, which is loaded only where tracing is on', () => {
    expect(listHolding(shipped, /from '@opentelemetry\//)).toEqual(['src/observability/tracing-sdk.ts']);
    expect(listHolding(shipped, /^import (?!type)[^;]*tracing-sdk\.ts'/m)).toEqual([]);
  });

  test('nothing is exported as default, and every file opens with what it is for', () => {
    expect(listHolding(shipped, /^export default\b/m)).toEqual([]);
    const opening = /^(?:#!.*\n)?\/\*\*/;
    expect(shipped.filter(({ text }) => !opening.test(text)).map(({ path }) => path)).toEqual([]);
  });

  test('nothing is called utils, helpers or common', () => {
    const vague = /(?:^|[/-])(?:utils?|helpers?|common|manager|misc)(?:[/.-]|$)/;
    expect(shipped.map(({ path }) => path).filter((path) => vague.test(path))).toEqual([]);
  });
});
