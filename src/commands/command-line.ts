/**
 * The commands of `metadata-bff`: one table, from which the parser, the help and the documentation follow. A command's
 * code is loaded when the command is run.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs, types } from 'node:util';
import type { Environment } from '../../config/environment.ts';

/** What a command gets of the process. */
export interface ProcessAccess {
  readonly env: Environment;
  readonly exit: (code: number) => never;
}

/** What stands on the command line behind the name of the command. */
interface Input {
  /** By name: the text of an option, or true for a flag. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
}

interface Option {
  readonly description: string;
  /** The name of its value in the help. Without one, the option is a flag. */
  readonly value?: string;
}

interface Command {
  readonly summary: string;
  /** Positional arguments in their order, such as `<id>`; those in brackets may be left out. */
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, Option>>;
  readonly details: string;
  /** @returns the exit code; undefined where the process goes on. */
  readonly run: (input: Input, access: ProcessAccess) => Promise<number | undefined>;
}

/** A command line that cannot be understood. Its message is for the person who typed it. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

const readFile = (path: string): string => readFileSync(path, 'utf8');

const DEFAULT_POLICY_FILE = join('config', 'policy.json');

/** The folder of this package: the program is run bundled, compiled, and from its sources. */
export function findPackageRoot(folder = import.meta.dirname): string {
  return existsSync(join(folder, 'package.json')) ? folder : findPackageRoot(dirname(folder));
}

/** @returns the version of this package. */
export function readVersion(): string {
  const { version }: { version: string } = JSON.parse(readFile(join(findPackageRoot(), 'package.json')));
  return version;
}

/** The policy file that the environment names or, where there is none, the one that comes with this package. */
function getPolicyFile({ POLICY_FILE }: Environment): string {
  if (POLICY_FILE) return POLICY_FILE;
  return existsSync(DEFAULT_POLICY_FILE) ? DEFAULT_POLICY_FILE : join(findPackageRoot(), DEFAULT_POLICY_FILE);
}

async function loadConfig({ env }: ProcessAccess) {
  const [load, rules] = await Promise.all([
    import('../../config/load.ts'),
    import('../composition/policy-rules.ts'),
  ]);
  return load.loadConfig({ ...env, POLICY_FILE: getPolicyFile(env) }, readFile, rules.findPolicyErrors);
}

const POLICY: Option = {
  value: 'file',
  description: 'The policy file. Without it: the one that the service would use.',
};

const COMMANDS = {
  start: {
    summary: 'Starts the service. The default.',
    positionals: [],
    options: {},
    details:
      'SIGTERM and SIGINT stop it: requests under way end within 10 s, and the exit code is 0. SIGHUP opens the file of ' +
      'the audit anew. The exit code is 1 if it cannot start.',
    async run(_input, access) {
      const { start } = await import('./start.ts');
      await start(await loadConfig(access), access.exit);
      return undefined;
    },
  },
  check: {
    summary: 'Says whether the configuration would work.',
    positionals: [],
    options: {},
    details:
      'Reaches the issuer, its signing keys, the token endpoint, the Management API and Redis, and prints a line for ' +
      'each. The exit code is 0 only if the service would work.',
    async run(_input, access) {
      const { check } = await import('../composition/check.ts');
      return (await check(await loadConfig(access))) ? 0 : 1;
    },
  },
  types: {
    summary: 'Prints the TypeScript declaration of user_metadata.',
    positionals: ['[source]'],
    options: { policy: POLICY },
    details:
      'The source is a policy file, or the address of a running service, such as https://api.example.com.',
    async run({ options, positionals: [source] }, { env }) {
      const { printTypes } = await import('./types.ts');
      return printTypes(source ?? getPolicyPath(options, env), readFile);
    },
  },
  'claims-action': {
    summary: 'Prints the post-login Action that sets the claims of the policy.',
    positionals: [],
    options: {
      policy: POLICY,
      'id-token': { description: 'Sets the claims in ID tokens, too.' },
    },
    details:
      'The Action is for Auth0, Actions, Triggers, post-login. Deploy it again after a change of `claims`. The exit ' +
      'code is 1 if the policy names no claims.',
    async run({ options }, { env }) {
      const { printClaimsAction } = await import('./claims-action.ts');
      return printClaimsAction(getPolicyPath(options, env), readFile, {
        inIdToken: options['id-token'] === true,
      });
    },
  },
  'schema-report': {
    summary: 'Says how many users hold metadata that the schema refuses.',
    positionals: ['[export]'],
    options: {
      policy: POLICY,
      max: { value: 'users', description: 'The exit code is 1 if there are more such users. Without it: 0.' },
    },
    details:
      'Reads a user export of Auth0: a JSON object for each line, with user_metadata in it, also compressed by gzip. ' +
      'Without a file, or with -, it reads standard input. Nothing is sent anywhere. It prints how many users there ' +
      'are for each place and keyword of the schema, and neither values nor ids: the names of members that the schema ' +
      'does not name, and positions in lists, are shown as *. Such users can still change everything else. Lines that ' +
      'cannot be read are named by their numbers; the exit code is 1 if no line can be read.',
    async run({ options, positionals: [path = '-'] }, { env }) {
      const max = typeof options['max'] === 'string' ? options['max'] : '0';
      if (!/^\d{1,12}$/.test(max))
        throw new UsageError(`--max takes a whole number. ${advise('schema-report')}`);
      const { printSchemaReport } = await import('./schema-report.ts');
      return printSchemaReport(path, getPolicyPath(options, env), readFile, Number(max));
    },
  },
  'audit-id': {
    summary: 'Prints what the audit and the log write in place of the id of a user or an actor.',
    positionals: ['<id>'],
    options: {},
    details: 'The id is a subject, such as auth0|123. The configuration must be that of the service.',
    async run({ positionals: [id = ''] }, access) {
      const { getAuditId } = await import('../composition/observability.ts');
      process.stdout.write(`${getAuditId(await loadConfig(access), id)}\n`);
      return 0;
    },
  },
} as const satisfies Readonly<Record<string, Command>>;

export type CommandName = keyof typeof COMMANDS;

export function getCommandNames(): readonly CommandName[] {
  return Object.keys(COMMANDS).filter(isCommand);
}

function getPolicyPath({ policy }: Input['options'], env: Environment): string {
  return typeof policy === 'string' ? policy : getPolicyFile(env);
}

type Parsed =
  | { readonly kind: 'version' }
  | { readonly kind: 'help'; readonly command: CommandName | undefined }
  | {
      readonly kind: 'command';
      readonly name: CommandName;
      readonly run: (access: ProcessAccess) => Promise<number | undefined>;
    };

/** @throws UsageError for a command or an option that does not exist, and for arguments that are missing or too many. */
export function parseCommandLine(args: readonly string[]): Parsed {
  const [first = 'start'] = args;
  const named = !first.startsWith('-');
  if (named && !isCommand(first)) throw new UsageError(`unknown command ${quote(first)}. ${advise()}`);
  const name = named && isCommand(first) ? first : 'start';
  const rest = args.slice(args.length > 0 && named ? 1 : 0);
  const { options, positionals: slots, run }: Command = COMMANDS[name];
  const { values, positionals } = parseOptions(name, rest, options);
  if (values['help'] === true) return { kind: 'help', command: named && args.length > 0 ? name : undefined };
  if (values['version'] === true) return { kind: 'version' };
  const missing = slots.slice(positionals.length).find((slot) => slot.startsWith('<'));
  if (missing !== undefined) throw new UsageError(`${name} needs ${missing}. ${advise(name)}`);
  const excess = positionals[slots.length];
  if (excess !== undefined) throw new UsageError(`unexpected argument ${quote(excess)}. ${advise(name)}`);
  return {
    kind: 'command',
    name,
    run: (access) => run({ options: values, positionals }, access),
  };
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}

function parseOptions(name: CommandName, args: readonly string[], options: Command['options']) {
  const kinds = Object.entries(options).map(([option, { value }]): [string, OptionKind] => [
    option,
    { type: value === undefined ? 'boolean' : 'string' },
  ]);
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...GLOBAL_OPTIONS, ...Object.fromEntries(kinds) },
    });
  } catch (error) {
    // The message of Node names the option and goes on with advice on positional arguments.
    const [reason = ''] = types.isNativeError(error) ? error.message.split(/\.\s/) : [];
    throw new UsageError(`${reason}. ${advise(name)}`.replace(/^./, (letter) => letter.toLowerCase()));
  }
}

interface OptionKind {
  readonly type: 'boolean' | 'string';
}

const GLOBAL_OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

/** What was typed, without line breaks and control characters of a terminal, and not endless. */
function quote(text: string): string {
  return JSON.stringify(text.slice(0, 50));
}

function advise(name?: CommandName): string {
  return `See metadata-bff ${name === undefined || name === 'start' ? '' : `${name} `}--help.`;
}

const WIDTH = 100;

/** The help of the program. */
export function renderUsage(): string {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary] as const);
  return `Usage: metadata-bff [command] [options]

Lets the users of an Auth0 app read and change their own profile metadata.

Commands:
${renderRows(rows)}

Options:
${renderRows([
  ['-h, --help', 'Prints this help, or that of a command.'],
  ['-v, --version', 'Prints the version.'],
])}

Every command reads the file .env of the working directory if there is one. Variables of the environment win.
`;
}

/** The help of one command. */
export function describeCommand(name: CommandName): string {
  const { summary, positionals, options, details }: Command = COMMANDS[name];
  const usage = ['metadata-bff', name, ...positionals, '[options]'].join(' ');
  const rows = Object.entries(options).map(
    ([option, { value, description }]) =>
      [`    --${option}${value === undefined ? '' : ` <${value}>`}`, description] as const,
  );
  return `Usage: ${usage}

${summary}

${wrap(details, '')}

Options:
${renderRows([...rows, ['-h, --help', 'Prints this help.']])}
`;
}

function renderRows(rows: ReadonlyArray<readonly [string, string]>): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows
    .map(([left, right]) => `  ${left.padEnd(width)}  ${wrap(right, ' '.repeat(width + 4))}`)
    .join('\n');
}

/** Breaks a text into lines; those after the first begin with the indent. */
function wrap(text: string, indent: string): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && indent.length + line.length + word.length >= WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join(`\n${indent}`);
}
