/**
 * Every block of commands is run by a test, or, where it cannot be (an image, a deployment, an app of another team), each
 * of its commands is held against what is there. A block of a kind that is not listed here fails.
 */
import { describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { loadConfig } from '../../config/load.ts';
import { parseCommandLine } from '../../src/commands/command-line.ts';
import { findings, type Page, pageAt, pages, ROOT } from './documents.ts';
import { DEMO_COMMAND, EXAMPLE_PAGES, talksToDemo } from './example-pages.ts';

const contentOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Who answers for the blocks of each kind: a test that runs them, or this one, which looks at each command. */
const KINDS: ReadonlyMap<string, string> = new Map([
  ['sh', 'test/docs/examples.test.ts'],
  ['sh offline', 'test/docs/auth0-set-up.test.ts'],
  ['sh production', 'here'],
  ['sh development', 'here'],
  ['sh app', 'here'],
]);

const SHELL = /^(?:sh|bash|zsh|shell|console|shell-session|terminal|cmd|powershell)\b/;

describe('a block of commands', () => {
  test('is of a kind that a test checks', () => {
    const unknown = findings(({ fences }) =>
      fences.map(({ info }) => info).filter((info) => SHELL.test(info) && !KINDS.has(info)),
    );
    expect(unknown).toEqual([]);
    const without = findings(({ fences }) =>
      fences
        .filter(({ info, text }) => info === '' && /^(?:npm|node|curl|docker) /m.test(text))
        .map(({ text }) => text),
    );
    expect(without).toEqual([]);
    for (const runner of KINDS.values())
      expect(runner === 'here' || existsSync(join(ROOT, runner))).toBe(true);
  });

  test('that is plain sh stands on a page whose commands are run', () => {
    const strangers = pages.filter(
      ({ path, fences }) => fences.some(talksToDemo) && !EXAMPLE_PAGES.has(path),
    );
    expect(strangers.map(({ path }) => path)).toEqual([]);
    const starting = findings(({ fences }) =>
      fences.filter(({ info, text }) => info === 'sh' && text === DEMO_COMMAND).map(() => 'the demo'),
    );
    expect(starting).toEqual(['README.md: the demo']);
  });

  test('that is run elsewhere stands where it is run', () => {
    const offline = findings(({ fences }) =>
      fences.map(({ info }) => info).filter((info) => info === 'sh offline'),
    );
    expect(offline).toEqual(['docs/auth0-set-up.md: sh offline']);
  });
});

interface Command {
  readonly program: string;
  readonly words: readonly string[];
}

/** The commands of a block: continued lines joined, chains taken apart, redirections left out. */
function commandsIn(text: string): Command[] {
  return text
    .replaceAll(/\\\n\s*/g, '')
    .split(/\n| && /)
    .map((line) => line.replace(/^\$ /, '').replace(/ > [\w.-]+$/, ''))
    .map((line) =>
      (line.match(/'[^']*'|"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll(/^['"]|['"]$/g, '')),
    )
    .filter((words) => words.length > 0)
    .map(([program = '', ...words]) => ({ program, words }));
}

const { name, scripts }: { name: string; scripts: Record<string, string> } = JSON.parse(
  contentOf('package.json'),
);

/** The tarballs that `npm run pack:packages` writes. */
const TARBALLS = new Set(
  ['client', 'form', 'local-tenant'].map((folder) => {
    const manifest: { name: string; version: string } = JSON.parse(
      contentOf(`packages/${folder}/package.json`),
    );
    return `./${manifest.name.replace(/^@/, '').replace('/', '-')}-${manifest.version}.tgz`;
  }),
);

/** What is wrong with the words after a program's name. */
type Look = (words: readonly string[]) => readonly string[];

const nothingBut =
  (...allowed: readonly string[]): Look =>
  (words) =>
    allowed.includes(words.join(' ')) ? [] : [`not known here: ${words.join(' ')}`];

const npm: Look = ([verb = '', ...words]) => {
  if (verb === 'ci') return words;
  if (verb === 'install') return words.filter((word) => word !== name && !TARBALLS.has(word));
  const [script = verb, ...rest] = verb === 'run' ? words.filter((word) => word !== '--silent') : [];
  const source = scripts[script];
  if (source === undefined) return [`no script ${script}`];
  const [dashes, ...options] = rest;
  if (dashes !== undefined && dashes !== '--') return [`${dashes} would be npm's own`];
  const [, program] = /node (?:--\S+ )*\.build\/([\w/-]+)\.js/.exec(source) ?? [];
  const flags = options
    .filter((word) => word.startsWith('--'))
    .map((word) => word.slice(2).split('=')[0] ?? '');
  if (flags.length === 0) return [];
  const read = program === undefined ? '' : contentOf(`${program}.ts`);
  return flags.filter((flag) => !new RegExp(`\\b${flag}: \\{`).test(read)).map((flag) => `no flag --${flag}`);
};

const node: Look = ([path = '', verb, ...rest]) => {
  const source = path.replace(/^dist\/(.*)\.js$/, '$1.ts');
  if (!existsSync(join(ROOT, source))) return [`no program ${path}`];
  return verb === undefined ? [] : commandLine([verb, ...rest]);
};

const commandLine: Look = (words) => {
  try {
    parseCommandLine(words);
    return [];
  } catch (error) {
    return [String(error)];
  }
};

const npx: Look = ([first = '', ...words]) => (first === name ? commandLine(words) : [`no program ${first}`]);

/** Of `docker run`: flags that stand alone, and those that take the word after them. */
const ALONE = new Set(['--rm', '--read-only']);
const WITH_VALUE = new Set(['--cap-drop', '--security-opt', '--env-file', '-p', '-e', '-v']);
/** Where the image looks for what is mounted. */
const MOUNTED = new Set(['/run/secrets/auth0', '/app/config/policy.json']);

const dockerRun: Look = ([word = '', ...rest]) => {
  if (ALONE.has(word)) return dockerRun(rest);
  if (!WITH_VALUE.has(word)) return word === name ? insideImage(rest) : [`not known of docker run: ${word}`];
  const [value = '', ...others] = rest;
  const wrong = word === '-v' && !MOUNTED.has(value.split(':')[1] ?? '') ? [`nothing reads ${value}`] : [];
  return [...wrong, ...dockerRun(others)];
};

const insideImage: Look = ([program, ...words]) =>
  program === undefined ? [] : program === 'node' ? node(words) : [`not in the image: ${program}`];

const compose: Look = ([verb, ...words]) => {
  if (verb === 'up') return nothingBut('--detach')(words);
  const { services }: { services: Record<string, unknown> } = parse(
    contentOf('docs/operations/compose.yaml'),
  );
  const [service = '', ...inside] = words.filter((word) => word !== '--rm');
  return verb === 'run' && Object.hasOwn(services, service) ? insideImage(inside) : [`not known: ${service}`];
};

const docker: Look = ([verb = '', ...words]) => {
  if (verb === 'run') return dockerRun(words);
  if (verb === 'compose') return compose(words);
  const builds = verb === 'build' && existsSync(join(ROOT, 'Dockerfile'));
  return builds ? nothingBut(`-t ${name} .`)(words) : [`not known: docker ${verb}`];
};

const PROGRAMS: ReadonlyMap<string, Look> = new Map([
  ['npm', npm],
  ['node', node],
  ['npx', npx],
  ['docker', docker],
  ['cd', ([folder = '']) => (existsSync(join(ROOT, folder)) ? [] : [`no folder ${folder}`])],
  // Those that make secrets are run by test/docs/deploying.test.ts.
  ['openssl', nothingBut('rand -base64 32')],
  ['printf', nothingBut('%s the secret of the machine client')],
]);

const looked = ({ fences }: Page): Command[] => [
  ...fences.filter(({ info }) => KINDS.get(info) === 'here').flatMap(({ text }) => commandsIn(text)),
  // A command with its answer, as text.
  ...fences
    .filter(({ info }) => info === 'text')
    .flatMap(({ text }) => commandsIn((text.match(/^\$ .*$/gm) ?? []).join('\n'))),
];

test('every command that is not run names programs, scripts, files and flags that are there', () => {
  expect(pages.flatMap(looked).length).toBeGreaterThan(15);
  const wrong = findings((page) =>
    looked(page).flatMap(({ program, words }) => PROGRAMS.get(program)?.(words) ?? [`no program ${program}`]),
  );
  expect(wrong).toEqual([]);
});

test.each([
  ['npm run no-such'],
  ['npm run bench:check -- --no-such'],
  ['npm run bench:requests --rounds=3'],
  ['npm install ./metadata-bff-client-0.0.1.tgz'],
  ['node scripts/no-such.js'],
  ['node dist/src/main.js no-such'],
  ['npx metadata-bff no-such'],
  ['npx metadata-bff types --no-such'],
  ['docker run --no-such metadata-bff'],
  ['docker run metadata-bff node dist/src/main.js no-such'],
  ['docker run -v ./policy.json:/etc/policy.json metadata-bff'],
  ['docker compose run --rm no-such'],
  ['cd docs/no-such'],
])('%s would be found out', (line) => {
  const [command] = commandsIn(line);
  expect(PROGRAMS.get(command?.program ?? '')?.(command?.words ?? [])).not.toEqual([]);
});

/** A block that shows what a program prints. */
function shown(path: string, start: string): string {
  const { fences } = pageAt(path);
  return fences.find(({ info, text }) => info === 'text' && text.startsWith(start))?.text ?? '';
}

describe('what a command is shown to print', () => {
  test('of a faulty configuration is what the service says', () => {
    const faulty = {
      AUDIENCE: 'https://metadata.example.com',
      AUTH0_DOMAIN: 'tenant.eu.auth0.com',
      AUTH0_CLIENT_ID: 'client',
      CACHE_TTL: '5',
      PORT: 'three',
    };
    const [start = '', ...faults] = shown('docs/configuration.md', 'metadata-bff cannot start.')
      .trim()
      .split('\n');
    expect(contentOf('src/main.ts')).toContain(start);
    expect(faults).toHaveLength(5);
    expect(() => loadConfig(faulty, (path) => readFileSync(path, 'utf8'))).toThrow(
      expect.objectContaining({ message: faults.join('\n') }),
    );
  });

  test('by the check has the names of its findings', () => {
    const rows = shown('docs/auth0-set-up.md', 'ok ').trim().split('\n');
    const names = rows.map((row) => /^(?:ok|warning|failed) +(.+?) {2,}/.exec(row)?.[1] ?? '');
    expect(names).toHaveLength(6);
    expect(names.filter((one) => !contentOf('src/composition/check.ts').includes(`'${one}'`))).toEqual([]);
  });
});
