/** The promises of the image, held against the Dockerfile itself, since no test can count on a container engine. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

interface Instruction {
  readonly name: string;
  readonly value: string;
}

const root = join(import.meta.dirname, '..', '..');

/** The stages, each a list of instructions that begins with its FROM. */
function parseStages(text: string): Instruction[][] {
  const stages: Instruction[][] = [];
  const lines = text.replace(/^\s*#.*\n/gm, '').replace(/\\\n\s*/g, '');
  for (const line of lines.split('\n').filter((one) => one.trim() !== '')) {
    const [name = '', ...words] = line.trim().split(/\s+/);
    if (name === 'FROM') stages.push([]);
    stages.at(-1)?.push({ name, value: words.join(' ') });
  }
  return stages;
}

const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
const stages = parseStages(dockerfile);
const final = stages.at(-1) ?? [];
const valuesOf = (stage: readonly Instruction[], name: string) =>
  stage.filter((instruction) => instruction.name === name).map(({ value }) => value);

test('every stage is built on Node 24, unless another image is named', () => {
  expect(stages.map(([from]) => from?.value)).toEqual(['${NODE_IMAGE} AS build', '${NODE_IMAGE}']);
  expect(dockerfile).toMatch(/^ARG NODE_IMAGE=node:24-slim$/m);
});

test('the service runs as an unprivileged user, in production mode', () => {
  expect(valuesOf(final, 'USER')).toEqual(['node']);
  expect(valuesOf(final, 'ENV')).toEqual(['NODE_ENV=production']);
});

test('the service is started without a shell, which would swallow signals', () => {
  const [command = ''] = valuesOf(final, 'CMD');
  expect(JSON.parse(command)).toEqual(['node', 'dist/src/main.js']);
  expect(valuesOf(final, 'ENTRYPOINT')).toEqual([]);
});

test('only built code, package.json, the default policy and, if wanted, OpenTelemetry reach the image', () => {
  expect(valuesOf(final, 'COPY')).toEqual([
    '--from=build /app/package.json ./',
    '--from=build /app/traces ./node_modules',
    '--from=build /app/dist ./dist',
    'config/policy.json config/user-metadata.schema.json ./config/',
  ]);
  expect(valuesOf(final, 'RUN')).toEqual([]);
  expect(valuesOf(stages[0] ?? [], 'RUN').at(-1)).toMatch(
    /if \[ "\$TRACING" = true \]; then cp -r \S+ traces/,
  );
  expect(valuesOf(stages[0] ?? [], 'ARG')).toContain('TRACING=false');
});

test('the compile cache is filled in the folder, and by the Node and the user, that the service runs with', () => {
  const steps = (stages[0] ?? []).map(({ name, value }) => `${name} ${value}`);
  const fill = steps.indexOf('RUN node scripts/fill-compile-cache.js');
  expect(steps[fill - 1]).toBe(`USER ${valuesOf(final, 'USER').join()}`);
  expect(stages.map((stage) => valuesOf(stage, 'WORKDIR'))).toEqual([['/app'], ['/app']]);
});

test('of what does not ship, nothing but the scripts of the build are even sent to the builder', () => {
  const copied = valuesOf(stages[0] ?? [], 'COPY').flatMap((value) => value.split(' ').slice(0, -1));
  expect(copied).toEqual([
    'package.json',
    'package-lock.json',
    '.npmrc',
    'tsconfig.json',
    'tsconfig.build.json',
    'config',
    'src',
    'scripts/build.js',
    'scripts/sbom.js',
    'scripts/fill-compile-cache.js',
  ]);
  const [everything, ...exceptions] = readFileSync(join(root, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(everything).toBe('*');
  expect(exceptions.toSorted()).toEqual(copied.map((path) => `!${path}`).toSorted());
});

test('its health check asks the operations listener, wherever OPS_PORT puts it', () => {
  const [check = ''] = valuesOf(final, 'HEALTHCHECK');
  const [, command = ''] = /CMD (\[.*\])$/.exec(check) ?? [];
  expect(JSON.parse(command)).toEqual([
    'node',
    '-e',
    expect.stringContaining('process.env.OPS_PORT || 9400'),
  ]);
  expect(command).toContain('/livez');
  expect(valuesOf(final, 'EXPOSE')).toEqual(['3000']);
});
