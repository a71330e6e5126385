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

type Read = <T>(name: keyof Variables, variable: Variable<T>, found?: string[]) => T | undefined;

/**
 * @param read answers the value of a variable, or undefined where it is unset or faulty; adds a fault to `found`.
 * @param warnings gets what is wrong with variables of OpenTelemetry where something is to be traced: they never stop
 * the start.
 */
export function readObservability(read: Read, warnings: string[]): ObservabilitySettings {
  const audit = read('AUDIT_LOG', OBSERVABILITY_VARIABLES.AUDIT_LOG) ?? 'stdout';
  return {
    audit: audit === 'stdout' || audit === 'off' ? audit : { path: audit },
    tracing: readTracing(read, warnings),
  };
}

function readTracing(read: Read, warnings: string[]): TracingSettings | undefined {
  const variables = OBSERVABILITY_VARIABLES;
  const ignored: string[] = [];
  const base = read('OTEL_EXPORTER_OTLP_ENDPOINT', variables.OTEL_EXPORTER_OTLP_ENDPOINT, ignored);
  const whole = read(
    'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    variables.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    ignored,
  );
  const url = whole ?? (base && `${base.replace(/\/+$/, '')}/v1/traces`);
  const wanted = url !== undefined || ignored.length > 0;
  const disabled = read('OTEL_SDK_DISABLED', variables.OTEL_SDK_DISABLED, ignored);
  const exporter = read('OTEL_TRACES_EXPORTER', variables.OTEL_TRACES_EXPORTER, ignored);
  // What platforms inject must not fill the log of who does not trace.
  if (!wanted || disabled || exporter === 'none') return undefined;
  read('OTEL_EXPORTER_OTLP_PROTOCOL', variables.OTEL_EXPORTER_OTLP_PROTOCOL, ignored);
  const settings = {
    serviceName: read('OTEL_SERVICE_NAME', variables.OTEL_SERVICE_NAME, ignored),
    sampler:
      read('OTEL_TRACES_SAMPLER', variables.OTEL_TRACES_SAMPLER, ignored) ??
      ('parentbased_always_on' as const),
    ratio: read('OTEL_TRACES_SAMPLER_ARG', variables.OTEL_TRACES_SAMPLER_ARG, ignored) ?? 1,
  };
  warnings.push(...ignored.map((fault) => `${fault}; the value is ignored`));
  return url === undefined ? undefined : { url, ...settings };
}
