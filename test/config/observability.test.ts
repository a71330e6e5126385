import { describe, expect, test } from '@jest/globals';
import { load } from './environment.ts';

const settingsOf = (changes: Readonly<Record<string, string>>) => load(changes).observability;

test('unset, the audit is written among the log lines, and nothing is traced', () => {
  expect(settingsOf({})).toEqual({ audit: 'stdout', tracing: undefined });
});

test.each([
  ['off', 'off'],
  ['stdout', 'stdout'],
  ['/var/log/audit.log', { path: '/var/log/audit.log' }],
])('AUDIT_LOG=%s', (text, audit) => {
  expect(settingsOf({ AUDIT_LOG: text }).audit).toEqual(audit);
});

describe('traces', () => {
  const on = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/base/' };

  test('go below the base, or to the address of their own, which wins', () => {
    expect(settingsOf(on).tracing?.url).toBe('http://collector:4318/base/v1/traces');
    const whole = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/custom' };
    expect(settingsOf(whole).tracing?.url).toBe('http://collector:4318/custom');
    expect(settingsOf({ ...on, ...whole }).tracing?.url).toBe('http://collector:4318/custom');
  });

  test('follow the caller by default, and take the sampler that is named', () => {
    expect(settingsOf(on).tracing).toMatchObject({
      sampler: 'parentbased_always_on',
      ratio: 1,
      serviceName: undefined,
    });
    const sampled = { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' };
    expect(settingsOf({ ...on, ...sampled, OTEL_SERVICE_NAME: 'x' }).tracing).toMatchObject({
      sampler: 'traceidratio',
      ratio: 0.1,
      serviceName: 'x',
    });
  });

  test.each([{ OTEL_SDK_DISABLED: 'true' }, { OTEL_TRACES_EXPORTER: 'none' }])('are off with %j', (off) => {
    expect(settingsOf({ ...on, ...off }).tracing).toBeUndefined();
  });
});
