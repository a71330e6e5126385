/** What the lock promises about packages, and what the audit of the pipeline says. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { TRACING_PACKAGES } from '../../src/observability/tracing.ts';
import { parseObject } from '../support/json.ts';

const ROOT = join(import.meta.dirname, '..', '..');

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
}

const { packages }: { packages: Record<string, Locked> } = JSON.parse(
  readFileSync(join(ROOT, 'package-lock.json'), 'utf8'),
);
const locked = Object.entries(packages).filter(([path, { link }]) => path.includes('node_modules/') && !link);
/** The bundler runs as it does in a build, and not within jest. */
const script = `import('./scripts/build.js').then(async ({ bundleService }) => {
  process.stdout.write(JSON.stringify((await bundleService()).packages));
})`;
const bundled: readonly string[] = JSON.parse(
  execFileSync(process.execPath, ['-e', script], { cwd: ROOT, encoding: 'utf8' }),
);
const shipped = locked.filter(([path]) => bundled.includes(path));
const names = (entries: typeof locked) => entries.map(([path]) => path.replace(/^.*node_modules\//, ''));

describe('licences', () => {
  /** None of these asks more of operators than to keep its notice. */
  const SHIPPED = ['Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT', '0BSD'];
  /** Never passed on. */
  const DEVELOPMENT = [
    ...SHIPPED,
    'MIT OR Apache-2.0',
    'Apache-2.0 AND MIT',
    '(MIT AND Zlib)',
    'CC-BY-4.0',
    '(MIT OR CC0-1.0)',
    '(MIT OR GPL-3.0-or-later)',
    'MPL-2.0',
    'PSF-2.0',
    'Python-2.0',
  ];

  test.each([
    ['what ships', shipped, SHIPPED],
    ['what builds and tests it', locked, DEVELOPMENT],
  ])('of %s are on the list', (_name, entries, allowed) => {
    expect(entries.length).toBeGreaterThan(100);
    const strange = entries.filter(([, { license = 'none' }]) => !allowed.includes(license));
    expect(strange.map(([path, { license }]) => `${path}: ${license}`)).toEqual([]);
  });

  test('in the lock are those that the installed packages themselves name', () => {
    const contradictions = shipped.flatMap(([path, { license, optional }]) => {
      const named = licenceIn(join(ROOT, path, 'package.json'));
      return named === license || (named === undefined && optional) ? [] : [`${path}: ${String(named)}`];
    });
    expect(contradictions).toEqual([]);
  });
});

function licenceIn(path: string): unknown {
  try {
    const { license }: { license?: unknown } = JSON.parse(readFileSync(path, 'utf8'));
    return license;
  } catch {
    return undefined;
  }
}

test('an installation of the service brings no other package, and traces are the operator’s choice', () => {
  const { '': root }: Record<string, Record<string, unknown>> = JSON.parse(JSON.stringify(packages));
  const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } = root ?? {};
  expect([dependencies, optionalDependencies]).toEqual([undefined, undefined]);
  expect(peerDependencies).toEqual(TRACING_PACKAGES);
  const optional = Object.keys(TRACING_PACKAGES).map((name) => [name, { optional: true }]);
  expect(peerDependenciesMeta).toEqual(Object.fromEntries(optional));
});

test('the service ships none of the dependencies of the packages beside it', () => {
  expect(shipped).toHaveLength(bundled.length);
  expect(names(shipped)).toEqual(expect.arrayContaining(['express', 'zod', 'pino', 'swagger-ui-dist']));
  for (const name of ['oidc-provider', 'koa', 'typescript', 'jest']) {
    expect(names(locked)).toContain(name);
    expect(names(shipped)).not.toContain(name);
  }
});

test('packages run no script when they are installed, and what ships needs none', () => {
  expect(readFileSync(join(ROOT, '.npmrc'), 'utf8')).toMatch(/^ignore-scripts=true$/m);
  expect(names(shipped.filter(([, { hasInstallScript }]) => hasInstallScript))).toEqual([]);
});

test('every package is named by its hash, those of other platforms too, and by no registry of ours', () => {
  expect(names(locked.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')))).toEqual([]);
  expect(names(locked.filter(([, { resolved }]) => resolved !== undefined))).toEqual([]);
});

const folder = mkdtempSync(join(tmpdir(), 'supply-chain-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('the bill of materials lists what ships, by hash, and nothing that differs between two builds', () => {
  const file = join(folder, 'sbom.json');
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'scripts', 'sbom.js'), file]);
  expect([status, String(stderr)]).toEqual([0, '']);
  const text = readFileSync(file, 'utf8');
  const bill: { components: Array<{ purl: string; hashes: unknown[] }> } = JSON.parse(text);
  const listed = bill.components.map(({ purl }) => decodeURIComponent(purl.replace('pkg:npm/', '')));
  const wanted = shipped.map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`);
  expect(new Set(listed)).toEqual(new Set(wanted));
  expect(bill.components.filter(({ hashes }) => hashes.length === 0)).toEqual([]);
  const { serialNumber, metadata } = parseObject(text);
  expect(serialNumber).toMatch(/^urn:uuid:[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-8[\da-f]{3}-[\da-f]{12}$/);
  expect(metadata).toMatchObject({ component: { name: 'metadata-bff' } });
  expect(text).not.toMatch(/"timestamp"|"tools"/);
  expect(text).not.toContain(ROOT);
});

/** Runs the step with an npm that answers this. */
function audit(answer: unknown, exitCode: number) {
  const npm = join(folder, 'npm');
  writeFileSync(npm, `#!/bin/sh\ncat <<'END'\n${JSON.stringify(answer)}\nEND\nexit ${exitCode}\n`);
  chmodSync(npm, 0o755);
  const path = [folder, dirname(process.execPath), process.env['PATH']].join(delimiter);
  return spawnSync(join(ROOT, '.ci', 'audit'), { encoding: 'utf8', env: { PATH: path } });
}

const found = (name: string, severity: string) => ({
  vulnerabilities: { [name]: { name, severity, range: '*', nodes: [`node_modules/${name}`] } },
});

describe('the audit', () => {
  test('passes and says so where the registry does not answer', () => {
    const { status, stdout } = audit({ message: '405 Method Not Allowed', error: { summary: '' } }, 1);
    expect([status, stdout]).toEqual([0, expect.stringContaining('nothing is known about vulnerabilities')]);
  });

  test.each([
    ['grave', {}],
    ['of what ships', found('jest', 'critical')],
    ['but what is moderate', found('express', 'moderate')],
  ])(
    'passes where nothing %s is known',
    (_what, { vulnerabilities = {} }: Partial<ReturnType<typeof found>>) => {
      const { status, stdout } = audit({ vulnerabilities }, 1);
      expect([status, stdout]).toEqual([0, 'npm audit: 0 critical, 0 high in what ships\n']);
    },
  );

  test('fails where something grave is known of what ships', () => {
    const { status, stdout } = audit(found('express', 'high'), 1);
    expect([status, stdout]).toEqual([1, 'npm audit: 0 critical, 1 high in what ships\n  high: express *\n']);
  });
});
