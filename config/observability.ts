/** What is told to whom beside log lines: where the audit goes, and whether and how requests are traced. */
import { OBSERVABILITY_VARIABLES } from './observability-variables.ts';
import type { Variable } from './schema.ts';

type Variables = typeof OBSERVABILITY_VARIABLES;

export interface TracingSettings {
  /** Where spans are sent. */
  readonly url: string;
  readonly serviceName: string | undefined;
  readonly sampler:
    | 'always_on'
    | 'always_off'
    | 'traceidratio'
    | 'parentbased_always_on'
    | 'parentbased_always_off'
    | 'parentbased_traceidratio';
  /** For the samplers by ratio. */
  readonly ratio: number;
}

export interface ObservabilitySettings {
  readonly audit: 'stdout' | 'off' | { readonly path: string };
  /** Undefined: nothing is traced. */
  readonly tracing: TracingSettings | undefined;
}

type Read = <T>(name: keyof Variables, variable: Variable<T>) => T | undefined;

/** @param read answers the value of a variable, or undefined where it is unset or faulty. */
export function readObservability(read: Read): ObservabilitySettings {
  const audit = read('AUDIT_LOG', OBSERVABILITY_VARIABLES.AUDIT_LOG) ?? 'stdout';
  return {
    audit: audit === 'stdout' || audit === 'off' ? audit : { path: audit },
    tracing: readTracing(read),
  };
}

function readTracing(read: Read): TracingSettings | undefined {
  const variables = OBSERVABILITY_VARIABLES;
  const base = read('OTEL_EXPORTER_OTLP_ENDPOINT', variables.OTEL_EXPORTER_OTLP_ENDPOINT);
  const whole = read('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', variables.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
  const url = whole ?? (base && `${base.replace(/\/+$/, '')}/v1/traces`);
  const disabled = read('OTEL_SDK_DISABLED', variables.OTEL_SDK_DISABLED);
  const exporter = read('OTEL_TRACES_EXPORTER', variables.OTEL_TRACES_EXPORTER);
  const settings = {
    serviceName: read('OTEL_SERVICE_NAME', variables.OTEL_SERVICE_NAME),
    sampler: read('OTEL_TRACES_SAMPLER', variables.OTEL_TRACES_SAMPLER) ?? 'parentbased_always_on',
    ratio: read('OTEL_TRACES_SAMPLER_ARG', variables.OTEL_TRACES_SAMPLER_ARG) ?? 1,
  };
  return url === undefined || disabled || exporter === 'none' ? undefined : { url, ...settings };
}
