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

  test.each([
    { OTEL_SDK_DISABLED: 'true' },
    { OTEL_SDK_DISABLED: 'TRUE' },
    { OTEL_TRACES_EXPORTER: 'none' },
    { OTEL_TRACES_EXPORTER: 'None' },
  ])('are off with %j', (off) => {
    const config = load({ ...on, ...off, OTEL_TRACES_SAMPLER: 'xray' });
    expect([config.observability.tracing, config.warnings]).toEqual([undefined, []]);
  });
});

describe('a variable of OpenTelemetry that is not understood', () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
  const injected = {
    OTEL_TRACES_SAMPLER: 'xray',
    OTEL_TRACES_SAMPLER_ARG: 'endpoint=http://localhost:2000',
    OTEL_TRACES_EXPORTER: 'otlp,console',
    OTEL_SDK_DISABLED: 'no',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
  };

  test('says nothing while nothing is traced', () => {
    const config = load(injected);
    expect([config.observability.tracing, config.warnings]).toEqual([undefined, []]);
  });

  test('is a warning and left at its default where something is traced', () => {
    const config = load({ ...endpoint, ...injected });
    expect(config.observability.tracing).toEqual({
      url: 'http://collector:4318/v1/traces',
      serviceName: undefined,
      sampler: 'parentbased_always_on',
      ratio: 1,
    });
    expect(config.warnings.map((warning) => warning.split(':')[0] ?? '').toSorted()).toEqual(
      Object.keys(injected).toSorted(),
    );
    for (const warning of config.warnings) expect(warning).toMatch(/; the value is ignored$/);
    expect(config.warnings.join()).not.toMatch(/localhost:2000|console|"no"/);
  });

  test.each(['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'])(
    'leaves traces off with a warning when it is %s',
    (name) => {
      const config = load({ [name]: 'collector:4317' });
      expect(config.observability.tracing).toBeUndefined();
      expect(config.warnings).toEqual([expect.stringMatching(new RegExp(`^${name}: must be .*ignored$`))]);
    },
  );

  test('such as the address for traces does not hide the base that is', () => {
    const config = load({ ...endpoint, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'nowhere' });
    expect(config.observability.tracing?.url).toBe('http://collector:4318/v1/traces');
    expect(config.warnings).toHaveLength(1);
  });

  test('by its case alone is understood', () => {
    const config = load({ ...endpoint, OTEL_SDK_DISABLED: 'False', OTEL_TRACES_SAMPLER: 'ALWAYS_OFF' });
    expect(config.observability.tracing?.sampler).toBe('always_off');
    expect(config.warnings).toEqual([]);
  });
});
