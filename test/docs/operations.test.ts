/** The dashboard and the alert rules name nothing that `/metrics` does not show, and lead to what to do. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { PROBLEMS } from '../../src/http/errors.ts';
import { createAudit } from '../../src/observability/audit.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { openScene } from '../support/scene.ts';
import { AUDIT } from '../../src/composition/constants.ts';
import { pageAt, ROOT } from './documents.ts';

const contentOf = (name: string): string => readFileSync(join(ROOT, 'docs', 'operations', name), 'utf8');

const ruleSchema = z.object({
  alert: z.string().regex(/^MetadataBff[A-Za-z]+$/),
  expr: z.string(),
  for: z
    .string()
    .regex(/^\d+[smh]$/)
    .optional(),
  labels: z.object({ severity: z.enum(['page', 'ticket']) }),
  annotations: z.object({ summary: z.string(), runbook: z.string() }),
});
const { groups } = z
  .object({ groups: z.array(z.object({ name: z.string(), rules: z.array(ruleSchema) })) })
  .parse(parse(contentOf('alerts.yml')));
const rules = groups.flatMap((group) => group.rules);

const panelSchema = z.object({
  id: z.number(),
  title: z.string(),
  type: z.enum(['row', 'timeseries']),
  gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
  targets: z.array(z.object({ expr: z.string(), datasource: z.object({ uid: z.string() }) })).default([]),
});
const dashboard = z
  .object({
    panels: z.array(panelSchema),
    templating: z.object({ list: z.array(z.object({ name: z.string(), type: z.string() }).loose()) }),
  })
  .parse(JSON.parse(contentOf('grafana-dashboard.json')));

const expressions = [
  ...rules.map(({ alert, expr }) => ({ where: alert, expr })),
  ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ where: title, expr }))),
];

/** Label names that the scraper adds. */
const SCRAPED = new Set(['job', 'instance']);
/** A word that is no metric: functions, keywords and label names stand before or after what excludes them. */
const METRIC = /(?<![\w"$])(?:metadata_bff|nodejs|process)_\w+|(?<![\w"$])up(?=\{)/g;

/** What one expression says of metrics: their names, and the labels used with them. */
function usesOf(expr: string) {
  const names = expr.match(METRIC) ?? [];
  const selectors = [...expr.matchAll(/(\w+)\{([^}]*)\}/g)].map(([, name = '', matchers = '']) => ({
    name,
    matchers: [...matchers.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)].map(
      ([, label = '', operator = '', value = '']) => ({ label, operator, value }),
    ),
  }));
  const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/));
  return { names, selectors, grouped };
}

/** Label names and values of every series, by metric; parts of a histogram have names of their own. */
const shown = new Map<string, Map<string, Set<string>>>();

const scene = await openScene({
  env: {
    AUTH0_COMPAT: 'true',
    AUTH0_EVENTS: 'true',
    AUDIT_LOG: join(ROOT, 'artifacts', 'no-such-folder', 'audit.log'),
    REDIS_URL: 'redis://127.0.0.1:1',
  },
  awaitReady: false,
});

beforeAll(async () => {
  const jane = await scene.person({ n: {} });
  await jane.ask('GET');
  await jane.ask('PATCH', '', { json: { n: { a: 1 } } });
  const response = await fetch(`${scene.service.opsUrl}/metrics`);
  for (const line of (await response.text()).split('\n')) {
    const [, name = '', labels = ''] = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (name === '') continue;
    const known = shown.get(name) ?? new Map<string, Set<string>>();
    for (const [, label = '', value = ''] of labels.matchAll(/(\w+)="([^"]*)"/g)) {
      known.set(label, (known.get(label) ?? new Set()).add(value));
    }
    shown.set(name, known);
  }
  shown.set('up', new Map());
});

test('both were read, and use most of what there is', () => {
  expect(rules.length).toBeGreaterThan(10);
  expect(dashboard.panels.filter(({ type }) => type === 'timeseries').length).toBeGreaterThan(20);
  const used = new Set(expressions.flatMap(({ expr }) => usesOf(expr).names));
  const parts = /_(?:bucket|sum|count)$/;
  const usedMetrics = new Set([...used].map((name) => name.replace(parts, '')));
  const own = new Set(
    [...shown.keys()]
      .filter((name) => name.startsWith('metadata_bff_'))
      .map((name) => name.replace(parts, '')),
  );
  expect([...own].filter((name) => !usedMetrics.has(name))).toEqual([]);
});

test.each(expressions)('$where: every metric is exposed', ({ expr }) => {
  const { names } = usesOf(expr);
  expect(names.length).toBeGreaterThan(0);
  expect(names.filter((name) => !shown.has(name))).toEqual([]);
});

test.each(expressions)('$where: every label is one of its metric', ({ expr }) => {
  const { names, selectors, grouped } = usesOf(expr);
  const wrong = selectors.flatMap(({ name, matchers }) =>
    matchers.filter(({ label }) => !SCRAPED.has(label) && !shown.get(name)?.has(label)),
  );
  expect(wrong).toEqual([]);
  const labels = new Set(names.flatMap((name) => [...(shown.get(name)?.keys() ?? [])]));
  expect(grouped.filter((label) => !SCRAPED.has(label) && !labels.has(label))).toEqual([]);
});

test('every value that is asked for is one that the operations page lists, or an error code', () => {
  const { spans } = pageAt('docs/operations.md');
  const listed = new Set([...spans, ...Object.keys(PROBLEMS)]);
  const asked = expressions.flatMap(({ where, expr }) =>
    usesOf(expr).selectors.flatMap(({ matchers }) =>
      matchers
        .filter(({ operator, label }) => /^!?=$/.test(operator) && !SCRAPED.has(label))
        .map(({ value }) => ({ where, value })),
    ),
  );
  expect(asked.length).toBeGreaterThan(8);
  expect(asked.filter(({ value }) => !listed.has(value))).toEqual([]);
});

describe('an alert', () => {
  test.each(rules)('$alert leads to a section that says what to do', ({ annotations: { runbook } }) => {
    const [page, anchor = ''] = runbook.split('#');
    expect(page).toBe('operations.md');
    expect(pageAt('docs/operations.md').anchors).toContain(anchor);
  });

  test('is played to firing, and to not firing, in the file for promtool', () => {
    const { tests } = z
      .object({
        tests: z.array(
          z.object({
            alert_rule_test: z.array(z.object({ alertname: z.string(), exp_alerts: z.array(z.unknown()) })),
          }),
        ),
      })
      .parse(parse(contentOf('alerts.test.yml')));
    const played = tests.flatMap(({ alert_rule_test: cases }) => cases);
    for (const { alert } of rules) {
      const fired = played
        .filter(({ alertname }) => alertname === alert)
        .map((one) => one.exp_alerts.length > 0);
      expect({ alert, fired: new Set(fired) }).toEqual({ alert, fired: new Set([true, false]) });
    }
  });

  test('that looks at the growth of a counter finds it at 0 before anything has happened', async () => {
    const metrics = createMetrics({ now: () => 0 });
    const fresh = (await metrics.render()).split('\n');
    const counters = rules.flatMap(({ expr }) =>
      [...expr.matchAll(/(?:rate|increase)\((\w+)(?:\{([^}]*)\})?\[/g)].map(
        ([, name = '', matchers = '']) => ({
          name,
          // What may be equal to anything else is there if anything is.
          labels: matchers.split(',').filter((matcher) => /^\w+="/.test(matcher)),
        }),
      ),
    );
    // All requests are what the failures are a share of.
    const watched = counters.filter(
      ({ name }) => name !== 'metadata_bff_http_request_duration_seconds_count',
    );
    expect(watched.length).toBeGreaterThan(5);
    const missing = watched.filter(
      ({ name, labels }) =>
        !fresh.some(
          (line) =>
            new RegExp(`^${name}[{ ]`).test(line) &&
            line.endsWith(' 0') &&
            labels.every((label) => line.includes(label)),
        ),
    );
    expect(missing).toEqual([]);
  });

  test.each(rules)('$alert has balanced brackets', ({ expr }) => {
    expect(unbalanced(expr)).toBe('');
  });
});

describe('the dashboard', () => {
  test('asks the data source that its variable names, throughout', () => {
    const [source] = dashboard.templating.list;
    expect(source).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
    const uids = dashboard.panels.flatMap(({ targets }) => targets.map(({ datasource }) => datasource.uid));
    expect(new Set(uids)).toEqual(new Set(['${datasource}']));
  });

  test('uses no variable that it lacks', () => {
    const known = new Set([...dashboard.templating.list.map(({ name }) => name), '__rate_interval']);
    const used = expressions.flatMap(({ expr }) => [...expr.matchAll(/\$(?!labels)(\w+)/g)]);
    expect(used.map(([, name = '']) => name).filter((name) => !known.has(name))).toEqual([]);
  });

  test('has panels that do not overlap, each with an id of its own', () => {
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    expect(dashboard.panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
  });

  test.each(expressions)('$where has balanced brackets', ({ expr }) => {
    expect(unbalanced(expr)).toBe('');
  });
});

/** What is left of the brackets of an expression when all pairs are taken out. */
function unbalanced(expr: string): string {
  let left = expr.replaceAll(/"[^"]*"/g, '').replaceAll(/[^(){}[\]]/g, '');
  for (let before = ''; before !== left; ) {
    before = left;
    left = left.replaceAll(/\(\)|\{\}|\[\]/g, '');
  }
  return left;
}

test('the operations page lists the fields of a line of the audit, and shows one as it is', () => {
  const lines: string[] = [];
  const audit = createAudit(
    {
      destination: { write: (line) => void lines.push(line) },
      hashId: () => 'h',
      clock: { now: () => 0 },
      setTimer: () => () => undefined,
    },
    AUDIT,
  );
  const audited = {
    requestId: 'r',
    userId: 'u',
    clientId: 'c',
    actor: { sub: 'a', count: 1 },
    action: 'patch' as const,
    route: '/me/metadata',
    keys: Array.from({ length: 33 }, () => 'k'),
    outcome: 'unknown',
    code: 'upstream_timeout',
    correlationId: 'i',
    durationMs: 1,
  };
  for (const outcome of ['refused', 'refused'] as const) audit.record({ ...audited, outcome });
  audit.flush();
  const written = Object.keys(JSON.parse(lines.at(-1) ?? ''));
  const { text, fences } = pageAt('docs/operations.md');
  const section = /\n## Audit\n([\s\S]*?)\n## /.exec(text)?.[1] ?? '';
  const listed = section
    .split('\n')
    .filter((row) => row.startsWith('| `'))
    .flatMap((row) => (row.split('|')[1] ?? '').match(/\w+/g) ?? []);
  expect(listed.toSorted()).toEqual(written.toSorted());
  const example = fences.find((fence) => fence.text.includes('"audit"'))?.text ?? '';
  const rare = new Set(['keys_left_out', 'code', 'repeated', 'actor', 'actors']);
  expect(Object.keys(JSON.parse(example))).toEqual(written.filter((name) => !rare.has(name)));
});
