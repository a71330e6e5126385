import { describe, expect, test } from '@jest/globals';
import { load } from './environment.ts';

test('without variables, audit events go to the log and nothing is traced', () => {
  expect(load()).toMatchObject({ auditLog: 'stdout', tracing: undefined });
});

test.each([
  ['off', 'off'],
  ['stdout', 'stdout'],
  ['/var/log/audit.log', { path: '/var/log/audit.log' }],
])('AUDIT_LOG=%s sends audit events to %j', (text, auditLog) => {
  expect(load({ AUDIT_LOG: text }).auditLog).toEqual(auditLog);
});

describe('traces', () => {
  const on = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/base/' };

  test('traces go to a path below the base, or to their own address, which wins', () => {
    expect(load(on).tracing?.url).toBe('http://collector:4318/base/v1/traces');
    const whole = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/custom' };
    expect(load(whole).tracing?.url).toBe('http://collector:4318/custom');
    expect(load({ ...on, ...whole }).tracing?.url).toBe('http://collector:4318/custom');
  });

  test('the sampler follows the caller by default, and can be named', () => {
    expect(load(on).tracing).toMatchObject({
      sampler: 'parentbased_always_on',
      ratio: 1,
      serviceName: undefined,
    });
    const sampled = { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' };
    expect(load({ ...on, ...sampled, OTEL_SERVICE_NAME: 'x' }).tracing).toMatchObject({
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
  ])('traces are off with %j', (off) => {
    const config = load({ ...on, ...off, OTEL_TRACES_SAMPLER: 'xray' });
    expect([config.tracing, config.warnings]).toEqual([undefined, []]);
  });
});

describe('an invalid variable of OpenTelemetry', () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
  const injected = {
    OTEL_TRACES_SAMPLER: 'xray',
    OTEL_TRACES_SAMPLER_ARG: 'endpoint=http://localhost:2000',
    OTEL_TRACES_EXPORTER: 'otlp,console',
    OTEL_SDK_DISABLED: 'no',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
  };

  test('an invalid value is not reported while nothing is traced', () => {
    const config = load(injected);
    expect([config.tracing, config.warnings]).toEqual([undefined, []]);
  });

  test('an invalid value is a warning and the default is used while something is traced', () => {
    const config = load({ ...endpoint, ...injected });
    expect(config.tracing).toEqual({
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
    'an invalid %s turns traces off with a warning',
    (name) => {
      const config = load({ [name]: 'collector:4317' });
      expect(config.tracing).toBeUndefined();
      expect(config.warnings).toEqual([expect.stringMatching(new RegExp(`^${name}: must be .*ignored$`))]);
    },
  );

  test('an invalid address for traces leaves the valid base in use', () => {
    const config = load({ ...endpoint, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'nowhere' });
    expect(config.tracing?.url).toBe('http://collector:4318/v1/traces');
    expect(config.warnings).toHaveLength(1);
  });

  test('words of OpenTelemetry are accepted in any case', () => {
    const config = load({ ...endpoint, OTEL_SDK_DISABLED: 'False', OTEL_TRACES_SAMPLER: 'ALWAYS_OFF' });
    expect(config.tracing?.sampler).toBe('always_off');
    expect(config.warnings).toEqual([]);
  });
});
