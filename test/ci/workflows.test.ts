/** The workflows and templates of `.github`, which only the code host runs, are valid and fit the project. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';

const ROOT = join(import.meta.dirname, '..', '..');
const contentOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const names = readdirSync(join(ROOT, '.github', 'workflows'));
const workflows = names.map((name) => ({ name, text: contentOf(join('.github', 'workflows', name)) }));

const manifest = z
  .object({ scripts: z.record(z.string(), z.string()), engines: z.object({ node: z.string() }) })
  .parse(JSON.parse(contentOf('package.json')));

describe('npm run lint:workflows', () => {
  const folder = mkdtempSync(join(tmpdir(), 'workflows-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const program = join(ROOT, 'scripts', 'lint-workflows.js');

  test('finds nothing in the workflows', () => {
    const { status, stderr } = spawnSync(process.execPath, [program], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });

  test('fails for a workflow that names what there is not', () => {
    const path = join(folder, 'wrong.yml');
    const step = 'runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ github.nothing }}\n';
    writeFileSync(path, `on: push\njobs:\n  a:\n    ${step}`);
    const { status, stderr } = spawnSync(process.execPath, [program, path], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toContain(`${path}:6:23 property "nothing" is not defined`);
  });
});

test('there is a workflow for changes, for releases and for code scanning', () => {
  expect(names.toSorted()).toEqual(['ci.yml', 'codeql.yml', 'release.yml']);
});

describe.each(workflows)('$name', ({ text }) => {
  test('pins each action by its commit and says which version that is', () => {
    const used = text.match(/uses: .*/g) ?? [];
    const unpinned = used.filter(
      (line) => !/^uses: (?:\.\/.*\.yml|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/.test(line),
    );
    expect(used.length).toBeGreaterThan(0);
    expect(unpinned).toEqual([]);
  });

  test('runs scripts and files that exist', () => {
    const scripts = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, script = '']) => script);
    expect(scripts.filter((script) => !Object.hasOwn(manifest.scripts, script))).toEqual([]);
    const files = text.match(/\.ci\/\w+/g) ?? [];
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });

  test('gives no job more than reading by default', () => {
    expect(parse(text).permissions).toEqual({ contents: 'read' });
  });
});

test('one action has the same commit everywhere', () => {
  const commits = new Map<string, Set<string>>();
  for (const [, action = '', commit = ''] of workflows.flatMap(({ text }) => [
    ...text.matchAll(/uses: ([\w-]+\/[\w-]+)[\w/-]*@([0-9a-f]{40})/g),
  ])) {
    commits.set(action, (commits.get(action) ?? new Set()).add(commit));
  }
  expect([...commits].filter(([, several]) => several.size > 1)).toEqual([]);
});

test('CI runs on each Node that the manifest names', () => {
  const { jobs } = z
    .object({
      jobs: z.object({
        run: z.object({ strategy: z.object({ matrix: z.object({ node: z.array(z.string()) }) }) }),
      }),
    })
    .parse(parse(contentOf('.github/workflows/ci.yml')));
  const majors = manifest.engines.node.split('||').map((range) => /\d+/.exec(range)?.[0]);
  expect(jobs.run.strategy.matrix.node).toEqual(majors);
});

test('a release is for two architectures, with provenance and bills of materials', () => {
  const text = contentOf('.github/workflows/release.yml');
  for (const part of [
    'platforms: linux/amd64,linux/arm64',
    'sbom: true',
    'provenance: mode=max',
    '--provenance',
    'dist/sbom.cdx.json',
  ]) {
    expect(text).toContain(part);
  }
});

test('dependabot looks after everything that has versions', () => {
  const { updates } = z
    .object({ updates: z.array(z.object({ 'package-ecosystem': z.string(), directory: z.literal('/') })) })
    .parse(parse(contentOf('.github/dependabot.yml')));
  expect(updates.map((update) => update['package-ecosystem'])).toEqual(['npm', 'github-actions', 'docker']);
});

describe('an issue template', () => {
  const field = z.strictObject({
    type: z.enum(['markdown', 'textarea', 'input', 'dropdown', 'checkboxes']),
    id: z.string().optional(),
    attributes: z.record(z.string(), z.unknown()),
    validations: z.strictObject({ required: z.boolean() }).optional(),
  });
  const form = z.strictObject({
    name: z.string(),
    description: z.string(),
    labels: z.array(z.string()),
    body: z.array(field).min(1),
  });

  test.each(['bug_report.yml', 'feature_request.yml'])('%s is a form', (name) => {
    const { body } = form.parse(parse(contentOf(`.github/ISSUE_TEMPLATE/${name}`)));
    const ids = body.map(({ id }) => id).filter((id) => id !== undefined);
    expect(new Set(ids).size).toBe(ids.length);
    expect(body.filter(({ type, id }) => (type === 'markdown') !== (id === undefined))).toEqual([]);
  });
});

test('.nvmrc names the Node of the image', () => {
  expect(contentOf('Dockerfile')).toContain(`ARG NODE_IMAGE=node:${contentOf('.nvmrc').trim()}-`);
});
