import { expect, test } from '@jest/globals';
import { VARIABLES } from '../../config/variables.ts';
import { getConfigurationTable, getEnvExample } from '../../scripts/configuration-docs.ts';
import { load } from '../config/environment.ts';

const names = Object.keys(VARIABLES);

test('.env.example names every variable once, and loading it gives the defaults', () => {
  const lines = getEnvExample().split('\n');
  const assignments = lines.filter((line) => /^(?:# )?[A-Z0-9_]+=/.test(line));
  expect(assignments.map((line) => /[A-Z0-9_]+/.exec(line)?.[0])).toEqual(names);
  const set = assignments.filter((line) => !line.startsWith('#')).map((line) => line.split('='));
  const changes = Object.fromEntries(set.map(([name = '', ...value]) => [name, value.join('=')]));
  expect(load(changes)).toEqual(load());
});

test('the documentation has a row for each variable, with its default or that it is required', () => {
  const rows = getConfigurationTable().trimEnd().split('\n');
  expect(rows).toHaveLength(names.length + 2);
  expect(rows[0]).toBe('| variable | default | meaning |');
  expect(rows).toContain('| `PORT` | `3000` | Port of the public listener. |');
  expect(rows.filter((row) => row.includes('| required |')).map((row) => row.split('`')[1])).toEqual(
    Object.entries(VARIABLES).flatMap(([name, variable]) => ('required' in variable ? [name] : [])),
  );
  for (const row of rows) expect(row.split(/(?<!\\)\|/)).toHaveLength(5);
});
