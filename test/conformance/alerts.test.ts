/** Prometheus' own tool reads the alert rules, and plays what each of them fires at. */
import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const cwd = join(import.meta.dirname, '..', '..', 'docs', 'operations');

test.each([
  ['check', 'alerts.yml'],
  ['test', 'alerts.test.yml'],
])('promtool %s rules %s succeeds', (verb, file) => {
  const { status, stdout, stderr, error } = spawnSync('promtool', [verb, 'rules', file], {
    cwd,
    encoding: 'utf8',
  });
  expect({ error, status, output: status === 0 ? '' : stdout + stderr }).toEqual({
    error: undefined,
    status: 0,
    output: '',
  });
});
