import { describe, expect, test } from '@jest/globals';
import type { AuditedWrite } from '../../src/http/middleware/audit.ts';
import { createAudit } from '../../src/observability/audit.ts';
import { parseObject } from '../support/json.ts';
import { openScene } from '../support/scene.ts';

const scene = await openScene({
  policy: {
    userMetadata: { schema: { type: 'object', additionalProperties: false } },
  },
});

const REFUSED: AuditedWrite = {
  requestId: 'request-0',
  userId: 'auth0|jane',
  clientId: 'app',
  actor: undefined,
  action: 'patch',
  route: '/me/metadata',
  keys: ['theme'],
  outcome: 'refused',
  code: 'metadata_invalid',
  correlationId: undefined,
  durationMs: 1,
};

function createAuditWithTimers({ maxRepeats = 10 } = {}) {
  const lines: string[] = [];
  const alarms = new Map<() => void, number>();
  const audit = createAudit(
    {
      destination: { write: (line) => void lines.push(line) },
      hashId: (userId) => `hash of ${userId}`,
      clock: { now: () => 0 },
      setTimer(ms, task) {
        alarms.set(task, ms);
        return () => alarms.delete(task);
      },
    },
    { repeatWindowMs: 60_000, maxRepeats },
  );
  return {
    audit,
    told: () => lines.map(parseObject).map(({ request_id: id, repeated }) => [id, repeated]),
    raw: () => lines.join(''),
    pending: () => [...alarms.values()],
    endWindows: (): void => {
      for (const task of alarms.keys()) {
        alarms.delete(task);
        task();
      }
    },
  };
}

describe('a refused write that repeats one of a moment ago', () => {
  test('is counted, and told with the others when the minute is over', () => {
    const { audit, told, pending, endWindows } = createAuditWithTimers();
    for (let index = 0; index < 300; index += 1) audit.record({ ...REFUSED, requestId: `request-${index}` });
    expect([told(), pending()]).toEqual([[['request-0', undefined]], [60_000]]);
    endWindows();
    expect(told()).toEqual([
      ['request-0', undefined],
      ['request-299', 299],
    ]);
    audit.record({ ...REFUSED, requestId: 'later' });
    expect(told().at(-1)).toEqual(['later', undefined]);
  });

  test('is told when the process stops, once', () => {
    const { audit, told, pending } = createAuditWithTimers();
    audit.record(REFUSED);
    audit.record({ ...REFUSED, requestId: 'again' });
    audit.flush();
    audit.flush();
    expect([told(), pending()]).toEqual([
      [
        ['request-0', undefined],
        ['again', 1],
      ],
      [],
    ]);
  });

  test.each<[string, Partial<AuditedWrite>]>([
    ['user', { userId: 'auth0|omar' }],
    ['application', { clientId: undefined }],
    ['action', { action: 'remove' }],
    ['route', { route: '/me/metadata/:key' }],
    ['code', { code: 'key_read_only' }],
    ['keys', { keys: ['theme', 'plan'] }],
  ])('does so only of the same %s', (_what, change) => {
    const { audit, told, endWindows } = createAuditWithTimers();
    audit.record(REFUSED);
    audit.record({ ...REFUSED, ...change, requestId: 'another' });
    endWindows();
    expect(told()).toEqual([
      ['request-0', undefined],
      ['another', undefined],
    ]);
  });

  test('is told early when there are too many others to count', () => {
    const { audit, told, pending } = createAuditWithTimers({ maxRepeats: 2 });
    audit.record(REFUSED);
    audit.record({ ...REFUSED, requestId: 'again' });
    for (const userId of ['auth0|a', 'auth0|b']) audit.record({ ...REFUSED, userId, requestId: userId });
    expect(told()).toEqual([
      ['request-0', undefined],
      ['auth0|a', undefined],
      ['auth0|b', undefined],
      ['again', 1],
    ]);
    expect(pending()).toHaveLength(2);
  });
});

test.each(['applied', 'unknown', 'unchanged'] as const)(
  'writes that end as %s have a line each',
  (outcome) => {
    const { audit, told, pending } = createAuditWithTimers();
    for (const requestId of ['one', 'two', 'three']) audit.record({ ...REFUSED, outcome, requestId });
    expect([told(), pending()]).toEqual([
      [
        ['one', undefined],
        ['two', undefined],
        ['three', undefined],
      ],
      [],
    ]);
  },
);

test('a name of a key shows as it is, but for what a terminal would hide or turn around', () => {
  const { audit, raw } = createAuditWithTimers();
  const odd = [
    '\u007f',
    '\u009b31m',
    '\u202e',
    '\u2066',
    '\u200f',
    '\u061c',
    '\u2028',
    '\ufeff',
    '\u{e0041}',
  ];
  const plain = ['thème', '日本', '🙂', 'a"b\\c'];
  audit.record({ ...REFUSED, keys: [...odd, ...plain], clientId: 'app\u202e', outcome: 'applied' });
  expect(raw()).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+\n$/u);
  expect(raw()).toContain('\\u202e');
  for (const name of ['thème', '日本', '🙂']) expect(raw()).toContain(name);
  expect(parseObject(raw())).toMatchObject({ keys: [...odd, ...plain], client_id: 'app\u202e' });
});

describe('over HTTP', () => {
  test('60 refused writes of one caller are two lines, and the names in them are printable', async () => {
    const jane = await scene.person({});
    for (let index = 0; index < 60; index += 1) {
      expect((await jane.ask('PATCH', '', { json: { 'a\u202eb\u009b': index } })).status).toBe(422);
    }
    expect(scene.service.auditLines).toHaveLength(1);
    await scene.service.stop();
    const lines = scene.service.auditLines;
    expect(lines.join('')).not.toMatch(/[\u007f-\u009f\u202e]/);
    expect(lines.map(parseObject)).toEqual([
      expect.objectContaining({ code: 'metadata_invalid', keys: ['a\u202eb\u009b'] }),
      expect.objectContaining({ code: 'metadata_invalid', keys: ['a\u202eb\u009b'], repeated: 59 }),
    ]);
  });
});
