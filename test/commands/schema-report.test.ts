import { afterAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { createExportedUser } from '../../bench/user-export.ts';
import { createCounter, createProgress, readExport } from '../../src/commands/schema-report.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { runProgram } from '../e2e/program.ts';

const folder = mkdtempSync(join(tmpdir(), 'report-'));
afterAll(() => rmSync(folder, { recursive: true }));

const schema: JsonObject = {
  type: 'object',
  required: ['theme'],
  properties: {
    theme: { enum: ['dark', 'light'] },
    contacts: { additionalProperties: { properties: { phone: { type: 'string' } } } },
    flags: { patternProperties: { '^f_': { type: 'boolean' } }, additionalProperties: false },
    tags: { type: 'array', items: { type: 'string' } },
    pair: { prefixItems: [{ type: 'string' }], items: { type: 'number' } },
    names: { propertyNames: { maxLength: 3 } },
    tree: { $ref: '#/$defs/tree' },
  },
  $defs: { tree: { properties: { next: { $ref: '#/$defs/tree' }, value: { type: 'number' } } } },
};

async function report(text: string | Buffer, of = schema, chunkBytes = 7) {
  const bytes = Buffer.from(text);
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, index) =>
    bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes),
  );
  const counter = createCounter(of);
  let read = 0;
  await readExport(Readable.from(chunks), counter, (count) => {
    read += count;
  });
  expect(read).toBe(bytes.length);
  return counter.getReport();
}

const line = (user_metadata: unknown) => `${JSON.stringify({ user_id: 'auth0|secret', user_metadata })}\n`;
const rowsOf = ({ rows }: Awaited<ReturnType<typeof report>>) =>
  rows.map(({ pointer, keyword, users }) => [pointer, keyword, users]);

describe('the report of an export', () => {
  test('counts each user once for each place and keyword', async () => {
    const found = await report(
      line({ theme: 'dark' }) +
        line({ theme: 'blue' }) +
        line({ theme: 'red', tags: [1, 2, 3] }) +
        line({}) +
        '{"user_id":"a"}\n',
    );
    expect(found).toMatchObject({ users: 5, refused: 3, hasMetadata: true });
    expect(rowsOf(found)).toEqual([
      ['/theme', 'enum', 2],
      ['/tags/*', 'type', 1],
      ['/theme', 'required', 1],
    ]);
  });

  test('shows names and positions that are the user’s own as *', async () => {
    const theme = 'dark';
    const found = await report(
      line({ theme, contacts: { 'secret@example.com': { phone: 1 } } }) +
        line({ theme, flags: { f_secret: 'secret', secret: true } }) +
        line({ theme, pair: [1, 'secret', 'secret'] }) +
        line({ theme, names: { secret: 1 } }),
    );
    expect(rowsOf(found).map(([pointer, keyword]) => `${pointer} ${keyword}`)).toEqual([
      '/contacts/*/phone type',
      '/flags/* additionalProperties',
      '/flags/* type',
      '/names/* propertyNames',
      '/pair/* type',
      '/pair/0 type',
    ]);
    expect(JSON.stringify(found)).not.toContain('secret');
  });

  test('names lines that hold no user by their numbers, and passes empty ones over', async () => {
    const long = `{"user_metadata":{"theme":"${'a'.repeat(1_100_000)}"}}\n`;
    const text = `${line({ theme: 'dark' })}{"broken\n\n[]\n"secret"\n${long}\r\n${line({ theme: 'dark' }).trim()}`;
    const found = await report(text, schema, 65_536);
    expect(found).toMatchObject({ users: 2, refused: 0, badLines: { count: 4, first: [2, 4, 5, 6] } });
    const invalidUtf8 = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
    expect((await report(invalidUtf8)).badLines).toEqual({ count: 1, first: [1] });
    expect((await report('x\n'.repeat(500))).badLines.first).toHaveLength(20);
  });

  test('is the same for an export that is compressed by gzip, in any pieces', async () => {
    const text = Array.from({ length: 300 }, (_, index) =>
      line({ theme: index % 3 === 0 ? 'x' : 'dark' }),
    ).join('');
    const plain = await report(text);
    expect(plain).toMatchObject({ users: 300, refused: 100 });
    expect(await report(gzipSync(text), schema, 1)).toEqual(plain);
    expect(await report(gzipSync(text), schema, 100_000)).toEqual(plain);
    await expect(report(gzipSync(text).subarray(0, 40))).rejects.toThrow('unexpected end of file');
  });

  test('of nothing counts nothing', async () => {
    expect(await report('')).toMatchObject({ users: 0, refused: 0, rows: [], badLines: { count: 0 } });
  });

  test('stays within its bounds for metadata that is made to be hard to judge', async () => {
    let tree: unknown = { value: 'x' };
    for (let depth = 0; depth < 90; depth += 1) tree = { next: tree };
    let deep = '1';
    for (let depth = 0; depth < 5_000; depth += 1) deep = `[${deep}]`;
    const found = await report(
      `${line({ theme: 'dark', tree })}{"user_metadata":{"theme":"dark","a":${deep}}}\n${line('text')}`,
    );
    expect(found).toMatchObject({ users: 3, refused: 3 });
    expect(rowsOf(found)).toEqual([
      ['', 'too_complex', 1],
      ['', 'type', 1],
      [`/tree${'/next'.repeat(90)}/value`, 'type', 1],
    ]);
  });

  test('has one row for all places beyond a thousand', async () => {
    const trees = Array.from({ length: 40 }, (_, index) => {
      const members = Array.from({ length: 40 }, (_unused, other) => [`k${index}_${other}`, 'x']);
      return line(Object.fromEntries(members));
    });
    const properties = Object.fromEntries(
      Array.from({ length: 1_600 }, (_, index) => [
        `k${Math.floor(index / 40)}_${index % 40}`,
        { type: 'number' },
      ]),
    );
    const { rows } = await report(trees.join(''), { properties }, 65_536);
    expect(rows).toHaveLength(1_001);
    expect(rows[0]).toEqual({ pointer: '*', keyword: '*', users: 15 });
  });
});

const draw = (isTTY: boolean, size: number | undefined) => {
  const written: string[] = [];
  let ms = 1_000;
  const progress = createProgress(
    { isTTY, write: (text) => written.push(text) },
    size,
    () => 5,
    () => ms,
  );
  progress.add(25);
  progress.add(25);
  ms += 100;
  progress.add(50);
  progress.clear();
  return written;
};

describe('the progress', () => {
  test('is a bar that is drawn ten times a second at most, and wiped away at the end', () => {
    const quarter = `${'#'.repeat(8)}${' '.repeat(22)}`;
    expect(draw(true, 100)).toEqual([
      `\r[${quarter}]  25 %  5 users`,
      `\r[${'#'.repeat(30)}] 100 %  5 users`,
      '\r\u001b[K',
    ]);
  });

  test('is a count where the size is not known, and nothing without a terminal', () => {
    expect(draw(true, undefined)).toEqual(['\r5 users', '\r5 users', '\r\u001b[K']);
    expect(draw(false, 100)).toEqual([]);
  });
});

describe('schema-report', () => {
  const policy = join(folder, 'policy.json');
  writeFileSync(policy, JSON.stringify({ userMetadata: { schema } }));
  const users = join(folder, 'users.ndjson');
  writeFileSync(users, `${line({ theme: 'secret' })}no user\n${line({ theme: 'light' })}`);

  test('prints the table, and ends with 1 above --max', async () => {
    const program = runProgram({ POLICY_FILE: policy }, 'schema-report', users);
    expect(await program.ends()).toBe(1);
    expect(program.output()).toContain(
      `2 users, 1 of them with metadata that the schema refuses (50.00 %)

users  pointer  keyword
    1  /theme   enum
`,
    );
    expect(program.output()).toContain('1 line holds no user: line 2\n');
    expect(program.output()).not.toMatch(/secret|auth0/);
    const within = runProgram({}, 'schema-report', users, '--policy', policy, '--max', '1');
    expect(await within.ends()).toBe(0);
  });

  test('reads standard input', async () => {
    const entry = join('.build', 'src', 'main.js');
    const child = spawn(process.execPath, [entry, 'schema-report', '--policy', policy]);
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stdin.end(gzipSync(line({ theme: 'dark' })));
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(output).toBe('1 user, 0 of them with metadata that the schema refuses (0.00 %)\n');
  });

  test.each([
    ['an export that is not there', ['/no/such/file'], /The export cannot be read/],
    [
      'a policy that is not there',
      [users, '--policy', '/no/such/file'],
      /POLICY_FILE: the file cannot be read/,
    ],
    ['a policy without a schema', [users, '--policy', 'config/policy.json'], /no schema/],
  ])('ends with 1 and a reason for %s', async (_what, args, reason) => {
    const program = runProgram({ POLICY_FILE: policy }, 'schema-report', ...args);
    expect(await program.ends()).toBe(1);
    expect(program.output()).toMatch(reason);
    expect(program.output()).not.toMatch(/\n\s+at /);
  });

  test('ends with 1 where no line can be read, and says so of an export without metadata', async () => {
    const [none, bare] = [join(folder, 'none'), join(folder, 'bare')];
    writeFileSync(none, '[\n]\n');
    writeFileSync(bare, '{"user_id":"a"}\n');
    const nothing = runProgram({ POLICY_FILE: policy }, 'schema-report', none);
    expect([await nothing.ends(), nothing.output()]).toEqual([1, expect.stringContaining('lines 1, 2')]);
    const without = runProgram({ POLICY_FILE: policy }, 'schema-report', bare);
    expect([await without.ends(), without.output()]).toEqual([
      0,
      expect.stringContaining('export the users with that field'),
    ]);
  });

  test('refuses a --max that is no number', async () => {
    const program = runProgram({ POLICY_FILE: policy }, 'schema-report', users, '--max=-1');
    expect([await program.ends(), program.output()]).toEqual([
      2,
      expect.stringContaining('--max takes a whole number'),
    ]);
  });
});

test('of 100 generated users, the demo’s schema refuses 7', async () => {
  const text = Array.from({ length: 100 }, (_, index) => `${createExportedUser(index)}\n`).join('');
  const { default: demo }: { default: JsonObject } = await import('../../config/user-metadata.schema.json', {
    with: { type: 'json' },
  });
  expect(await report(text, demo, 65_536)).toMatchObject({ users: 100, refused: 7 });
});
