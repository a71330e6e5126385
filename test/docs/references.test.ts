/** What the documentation names exists: pages, files, commands, variables, codes, metrics, resources. */
import { describe, expect, test } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VARIABLES, type Variable } from '../../config/variables.ts';
import { policySchema } from '../../config/policy.ts';
import { metricsTable } from '../../scripts/docs.ts';
import { PROBLEMS } from '../../src/http/errors.ts';
import { createLogger, LOG_EVENTS } from '../../src/observability/logger.ts';
import { findings, type Page, pageAt, pages, ROOT } from './documents.ts';

const contentOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

test('the pages were found, with their blocks', () => {
  expect(pages.length).toBeGreaterThanOrEqual(9);
  expect(pages.flatMap(({ fences }) => fences).length).toBeGreaterThan(40);
});

test('every file that is named exists', () => {
  const named = /^(?:src|config|packages|demo|scripts|test|docs|bench)\/[\w./-]*\w$/;
  const missing = findings(({ spans }) =>
    spans.filter((span) => named.test(span) && !existsSync(join(ROOT, span))),
  );
  expect(missing).toEqual([]);
});

describe('the layout in architecture.md', () => {
  const [layout = ''] = pageAt('docs/architecture.md')
    .fences.filter(({ info }) => info === 'text')
    .map(({ text }) => text);

  test('shows every folder of src', () => {
    const entries = readdirSync(join(ROOT, 'src'), { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    expect(folders.length).toBeGreaterThan(5);
    expect(folders.filter((name) => !layout.includes(` ${name}/ `))).toEqual([]);
  });

  test('names no folder that is not there', () => {
    const above: string[] = [];
    const paths = [...layout.matchAll(/^( *)([\w-]+)\/ /gm)].map(([, indent = '', name = '']) => {
      above.splice(indent.length / 2, Infinity, name);
      return above.join('/');
    });
    expect(paths.length).toBeGreaterThan(15);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

test('every answer to a question leads to a page that says more', () => {
  const [, ...answers] = pageAt('docs/faq.md').text.split(/^### /m);
  expect(answers.length).toBeGreaterThan(30);
  const dead = answers.filter((answer) => !/\]\([^)]+\)/.test(answer.replace(/^## [\s\S]*/m, '')));
  expect(dead.map((answer) => answer.split('\n')[0])).toEqual([]);
});

describe('the threat model', () => {
  const { text } = pageAt('docs/security.md');
  const rows = (text.split('## Threat model')[1]?.split('\n## ')[0] ?? '')
    .split('\n')
    .filter((row) => row.startsWith('|'))
    .slice(2);

  test('names for each defence the tests that show it', () => {
    expect(rows.length).toBeGreaterThan(25);
    expect(rows.filter((row) => !/`test\/[\w/-]+\.test\.ts` \|$/.test(row))).toEqual([]);
  });

  test('leaves out no suite that is about security', () => {
    const suites = readdirSync(join(ROOT, 'test', 'security')).filter((name) => name.endsWith('.test.ts'));
    expect(suites.filter((name) => !text.includes(`\`test/security/${name}\``))).toEqual([]);
  });
});

test('every npm command exists', () => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(contentOf('package.json'));
  const unknown = findings(({ text }) =>
    [...text.matchAll(/\bnpm (?:run (?:--silent )?([\w:-]+)|(test|start)\b)/g)]
      .map(([, run, short]) => run ?? short ?? '')
      .filter((name) => !Object.hasOwn(scripts, name)),
  );
  expect(unknown).toEqual([]);
});

/** Environment variables on a page; `NAME_FILE` stands for every such name. */
function namesOn({ spans, fences }: Page): string[] {
  const commands = fences.filter(({ info }) => /^(?:sh|text)/.test(info)).map(({ text }) => text);
  const set = commands.flatMap((text) => text.match(/(?<=-e |^)[A-Z][A-Z0-9]*_[A-Z0-9_]+(?==)/gm) ?? []);
  const inSpans = spans.flatMap(
    (span) => span.match(/(?<![\w-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w*])/g) ?? [],
  );
  return [...set, ...inSpans].filter((name) => name !== 'NAME_FILE');
}

describe('environment variables', () => {
  const elsewhere = new Set(
    [
      'packages/local-tenant/src/environment.ts',
      'demo/settings.ts',
      'test/tenant/management-contract.test.ts',
      'test/browser/chromium.ts',
      'test/browser/access.test.ts',
      'test/chaos/odd-requests.test.ts',
      'test/conformance/openapi-fuzz.test.ts',
      'test/chaos/history.test.ts',
      'test/chaos/redis-trials.test.ts',
    ].flatMap(
      (path) =>
        contentOf(path).match(
          /\b(?:TENANT|TEST_TENANT|WEB|CHROMIUM|WRITE|ODD|FUZZ|CHAOS|REDIS)_[A-Z0-9_]+\b/g,
        ) ?? [],
    ),
  );
  // Of Node and of other programs, and what a failure at a proxy is called.
  const ofOthers = ['NODE_COMPILE_CACHE', 'NODE_EXTRA_CA_CERTS', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
  for (const name of ofOthers) elsewhere.add(name);
  for (const code of ['401', '403', '407', 'TIMEOUT', 'ECONNREFUSED']) elsewhere.add(`PROXY_${code}`);
  for (const [, name = ''] of contentOf('Dockerfile').matchAll(/^ARG (\w+)/gm)) elsewhere.add(name);

  function isKnown(name: string): boolean {
    // OpenTelemetry's exporter reads more of its own than this service looks at.
    if (Object.hasOwn(VARIABLES, name) || elsewhere.has(name) || name.startsWith('OTEL_')) return true;
    const owner = Object.entries<Variable<unknown>>(VARIABLES).find(([base]) => `${base}_FILE` === name);
    return owner?.[1].secret === true;
  }

  test('that are named exist', () => {
    expect(namesOn(pageAt('docs/configuration.md')).length).toBeGreaterThan(60);
    expect(findings((page) => namesOn(page).filter((name) => !isKnown(name)))).toEqual([]);
  });

  test('are all in configuration.md', () => {
    const { text } = pageAt('docs/configuration.md');
    expect(Object.keys(VARIABLES).filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });
});

describe('names in snake case', () => {
  /** Whatever else is written so: members of documents, fields of the log, checks, rules of documents. */
  const OTHERS = new Set(
    `claims_stale user_metadata app_metadata client_metadata updated_at user_id client_id request_id include_fields
    trace_id correlation_id keys_left_out audit_log half_open not_connected not_granted parentbased_always_on
    duration_ms signing_keys management_token change_stream not_ready private_key_jwt member_since
    false_schema too_complex name_empty name_forbidden name_reserved text_not_unicode number_too_large root_not_object null_at_root
    number_not_exact name_duplicate patch_too_costly too_large too_many_keys too_deep read_only operation_invalid not_applicable test_failed
    network_failed invalid_response redirect_refused answer_unusable login_required require_client_grant
    insufficient_scope invalid_body inexistent_user too_many_requests
    refused_by_tenant management_api
    proxy_pass fail_duration
    org_id stripe_customer scopes_supported
    max_age acr_values auth_time write_once step_up`.split(/\s+/),
  );

  for (const { fields } of Object.values(LOG_EVENTS)) for (const field of fields) OTHERS.add(field);

  test('are error codes, events of the log, or names that are known here', () => {
    const unknown = findings(({ spans }) =>
      spans
        .filter((span) => /^[a-z]+(?:_[a-z]+)+$/.test(span))
        .filter(
          (span) => ![PROBLEMS, LOG_EVENTS].some((known) => Object.hasOwn(known, span)) && !OTHERS.has(span),
        )
        .filter((span) => !/^(?:metadata_bff|process|nodejs)_/.test(span)),
    );
    expect(unknown).toEqual([]);
  });

  test('that stand in an example as a problem’s code are error codes, with their status and title', () => {
    const problems = pages
      .flatMap(({ fences }) => fences)
      .map(({ text }) => /\{[\s\S]*"type": "urn:metadata-bff:problem:[\s\S]*\}/.exec(text)?.[0])
      .filter((text) => text !== undefined)
      .map((text): { code: string; status: number; title: string; type: string } => JSON.parse(text));
    expect(problems.length).toBeGreaterThan(3);
    for (const { code, status, title, type } of problems) {
      expect([type, { status, title }]).toEqual([
        `urn:metadata-bff:problem:${code}`,
        Object.entries(PROBLEMS).find(([known]) => known === code)?.[1],
      ]);
    }
  });

  test('that follow a status are answered with it', () => {
    const statuses: ReadonlyMap<string, number> = new Map(
      Object.entries(PROBLEMS).map(([code, { status }]) => [code, status]),
    );
    const wrong = findings(({ prose }) =>
      [...prose.matchAll(/\b([45]\d\d) `([a-z_]+)`/g)]
        .filter(([, status = '', code = '']) => statuses.get(code) !== Number(status))
        .map(([found]) => found),
    );
    expect(wrong).toEqual([]);
  });
});

test('every metric that is named exists', async () => {
  const known = new Set((await metricsTable()).match(/metadata_bff_\w+/g));
  const unknown = findings(({ text }) =>
    (text.match(/metadata_bff_\w+/g) ?? []).filter(
      (name) => !known.has(name.replace(/_(?:bucket|sum|count)$/, '')),
    ),
  );
  expect(unknown).toEqual([]);
});

test('operations.md lists the fields of a request’s log line, and no others', () => {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ destination, hashId: () => 'h' }, { level: 'info' });
  const line = {
    requestId: 'r',
    method: 'GET',
    route: '/',
    status: 500,
    durationMs: 1,
    clientId: 'c',
    actor: { sub: 'a', count: 1 },
    traceId: 't',
  };
  const cause = new Error('x', { cause: new Error('y') });
  logger.request({ ...line, failure: { code: 'internal', error: cause } });
  logger.request({ ...line, failure: { code: 'upstream_timeout', error: cause } });
  const written = new Set(lines.flatMap((text) => Object.keys(JSON.parse(text))));

  const section = /## Log lines\n([\s\S]*?)\n##/.exec(pageAt('docs/operations.md').prose)?.[1] ?? '';
  const rows = section.split('\n').filter((row) => row.startsWith('| `'));
  const listed = rows.flatMap((row) => (row.split('|')[1] ?? '').match(/\w+/g) ?? []);
  expect(listed.toSorted()).toEqual([...written].toSorted());
});

test('policy.md lists every member of a policy, and its examples are policies', () => {
  const { text } = pageAt('docs/policy.md');
  const { scopes, limits, userMetadata, appMetadata, clientMetadata, delegation } = policySchema.parse({});
  const groups = {
    scopes,
    limits,
    userMetadata: { schema: '', ...userMetadata },
    appMetadata,
    clientMetadata,
    delegation,
  };
  const members = Object.entries(groups).flatMap(([group, content]) =>
    Object.keys(content).map((name) => `${group}.${name}`),
  );
  expect(members.length).toBeGreaterThan(8);
  expect([...members, 'clients'].filter((name) => !text.includes(`| \`${name}\` |`))).toEqual([]);
  const examples = pages
    .flatMap(({ fences }) => fences)
    .filter(({ info }) => /^json (?:demo )?policy$/.test(info));
  expect(examples.length).toBeGreaterThan(1);
  for (const example of examples) policySchema.parse(JSON.parse(example.text));
});

test('every block of JSON is JSON', () => {
  const blocks = pages.flatMap(({ fences }) => fences).filter(({ info }) => info.startsWith('json'));
  for (const { text } of blocks) expect(() => JSON.parse(text)).not.toThrow();
});

test('policy.md shows the demo’s policy as it is', () => {
  const shown = pageAt('docs/policy.md').fences.find(({ info }) => info === 'json demo policy')?.text ?? '';
  expect(JSON.parse(shown)).toEqual(JSON.parse(contentOf('demo/policy.json')));
});
