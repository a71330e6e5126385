import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AuditFile, createAuditFile } from '../../src/observability/audit.ts';
import { until } from '../support/until.ts';

let folder = '';
let file: AuditFile | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'audit-'));
});
afterEach(async () => {
  await file?.stop();
  rmSync(folder, { recursive: true });
});

function open(name: string, maxLines = 100) {
  const path = join(folder, name);
  const onTrouble = jest.fn();
  let lost = 0;
  const onLost = (lines: number) => {
    lost += lines;
  };
  file = createAuditFile({ onTrouble, onLost }, { path, maxLines, retryMs: 5 });
  return { path, onTrouble, file, lost: () => lost };
}

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`);

test('lines are appended in order, and are all there after the stop', async () => {
  const first = open('a.log');
  for (const line of numbered(0, 50)) first.file.write(line);
  await first.file.stop();
  const second = open('a.log');
  for (const line of numbered(50, 60)) second.file.write(line);
  await second.file.stop();
  expect(readFileSync(first.path, 'utf8')).toBe(numbered(0, 60).join(''));
  expect(second.lost()).toBe(0);
});

test('the file can be read by its owner only', async () => {
  const { path, file: audit } = open('a.log');
  audit.write('line\n');
  await audit.stop();
  expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
});

test('after a rotation lines go to a new file, and none is lost or split', async () => {
  const { path, file: audit } = open('a.log');
  audit.write('before\n');
  await until(() => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0 || undefined);
  renameSync(path, `${path}.1`);
  audit.reopen();
  audit.write('after\n');
  await audit.stop();
  expect(readFileSync(`${path}.1`, 'utf8') + readFileSync(path, 'utf8')).toBe('before\nafter\n');
  expect(readFileSync(path, 'utf8')).toBe('after\n');
});

describe('while the disk fails', () => {
  test('it is told once, nothing throws, and the lines are written when the disk is back', async () => {
    const { path, onTrouble, file: audit, lost } = open('missing/a.log');
    audit.start();
    await until(() => !audit.isHealthy() || undefined);
    audit.write('one\n');
    audit.write('two\n');
    mkdirSync(join(folder, 'missing'));
    await until(() => audit.isHealthy() || undefined);
    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
    expect([onTrouble.mock.calls.length, lost()]).toEqual([1, 0]);
  });

  test('so many lines are kept, and the others counted', async () => {
    const { file: audit, lost } = open('missing/a.log', 3);
    for (const line of numbered(0, 5)) audit.write(line);
    expect(lost()).toBe(2);
    await audit.stop();
    expect(lost()).toBe(5);
  });
});
