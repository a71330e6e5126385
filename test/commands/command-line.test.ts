import { describe, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  describeCommand,
  getCommandNames,
  parseCommandLine,
  renderUsage,
} from '../../src/commands/command-line.ts';
import { parseObject } from '../support/json.ts';
import { runProgram, runProgramIn } from '../e2e/program.ts';

/** The output of a run that ends by itself, and its exit code. */
async function run(...args: readonly string[]): Promise<[number | null, string]> {
  const program = runProgram({}, ...args);
  return [await program.ends(), program.output()];
}

describe('the help', () => {
  test('lists every command, and the program prints it without a configuration', async () => {
    for (const name of getCommandNames()) expect(renderUsage()).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(await run('--help')).toEqual([0, renderUsage()]);
    expect(await run('-h')).toEqual([0, renderUsage()]);
  });

  test.each(getCommandNames())('of %s shows how it is used', async (name) => {
    expect(parseCommandLine([name, '--help'])).toEqual({ kind: 'help', command: name });
    expect(describeCommand(name)).toContain(`Usage: metadata-bff ${name} `);
    expect(await run(name, '--help')).toEqual([0, describeCommand(name)]);
  });

  test.each(['', ...getCommandNames()])('of %j fits a terminal of 120 columns', (name) => {
    const text =
      renderUsage() +
      getCommandNames()
        .filter((each) => each === name)
        .map(describeCommand)
        .join('');
    expect(text.split('\n').filter((line) => line.length > 120)).toEqual([]);
  });
});

test('the version is that of the package', async () => {
  const { version } = parseObject(await readFile('package.json', 'utf8'));
  expect(await run('--version')).toEqual([0, `${String(version)}\n`]);
});

test('without a command, the service is started', () => {
  expect(parseCommandLine([])).toMatchObject({ kind: 'command', name: 'start' });
});

describe('a command line that is wrong', () => {
  test.each([
    [['no-such'], 'unknown command "no-such". See metadata-bff --help.'],
    [['constructor'], 'unknown command "constructor". See metadata-bff --help.'],
    [['a\n\u001b[2J'], 'unknown command "a\\n\\u001b[2J". See metadata-bff --help.'],
    [['--no-such'], "unknown option '--no-such'. See metadata-bff --help."],
    [['check', '--no-such'], "unknown option '--no-such'. See metadata-bff check --help."],
    [
      ['schema-report', '--max', '-1'],
      "option '--max' argument is ambiguous. See metadata-bff schema-report --help.",
    ],
    [['check', 'more'], 'unexpected argument "more". See metadata-bff check --help.'],
    [['audit-id'], 'audit-id needs <id>. See metadata-bff audit-id --help.'],
    [['audit-id', 'a', 'b'], 'unexpected argument "b". See metadata-bff audit-id --help.'],
  ])('%j is refused with advice', (args, message) => {
    expect(() => parseCommandLine(args)).toThrow(message);
  });

  test('ends with 2, and prints one line', async () => {
    expect(await run('no-such')).toEqual([
      2,
      'metadata-bff: unknown command "no-such". See metadata-bff --help.\n',
    ]);
    const [code, output] = await run('check', '--no-such');
    expect([code, output.split('\n').length]).toEqual([2, 2]);
  });
});

test('a failure names the command and no stack', async () => {
  expect(await run('types', '/no/such/policy.json')).toEqual([
    1,
    'metadata-bff types failed.\nPOLICY_FILE: the file cannot be read\n',
  ]);
});

describe('a folder with a file .env', () => {
  test('lends its variables to every command, and the environment wins', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'folder-'));
    await writeFile(
      join(folder, '.env'),
      'AUDIENCE=https://api.test\nPORT=from-file\nOPS_PORT=from-file\nAUTH0_CLIENT_SECRET="s3cret-value"\n',
    );
    const program = runProgramIn(folder, { PORT: 'from-environment' }, 'check');
    expect(await program.ends()).toBe(1);
    const faults = program.output().match(/- (\w+): /g);
    expect(faults).toEqual(expect.arrayContaining(['- AUTH0_CLIENT_ID: ', '- PORT: ', '- AUTH0_DOMAIN: ']));
    expect(faults).not.toContain('- AUDIENCE: ');
    // The environment of the test names it.
    expect(faults).not.toContain('- OPS_PORT: ');
    // Nothing is there to be read, but the policy that comes with the package.
    expect(program.output()).not.toContain('POLICY_FILE');
    expect(program.output()).not.toContain('s3cret-value');
  });

  test('is an error where it cannot be read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'folder-'));
    await mkdir(join(folder, '.env'));
    const program = runProgramIn(folder, {}, 'check');
    expect(await program.ends()).toBe(1);
    expect(program.output()).toBe('metadata-bff check failed.\n.env: the file cannot be read\n');
  });
});
