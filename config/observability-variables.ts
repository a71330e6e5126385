/**
 * The environment variables of audit and traces. Those that begin with `OTEL_` are OpenTelemetry's own, and
 * mean what its specification says; its exporter reads more of them itself.
 */
import { z } from 'zod';
import { flag, text } from './fields.ts';

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

/** A collector often stands in the same private network, where it is reached by plain http. */
const collector = z
  .string()
  .refine(
    (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
    'must be an absolute http(s) URL',
  );

export const OBSERVABILITY_VARIABLES = {
  AUDIT_LOG: {
    description:
      'Where the audit of writes goes: `stdout`, among the log lines; `off`; or the path of a file, with at least one `/`.',
    default: 'stdout',
    schema: z
      .string()
      .refine(
        (value) => value === 'stdout' || value === 'off' || /\/[^/\0]+$/.test(value),
        'must be stdout, off or the path of a file, with at least one /',
      ),
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    description: 'Base of an OpenTelemetry collector (OTLP over HTTP). Setting it turns traces on.',
    schema: collector,
  },
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: {
    description: 'The whole address for traces, in place of `/v1/traces` below that base.',
    schema: collector,
  },
  OTEL_SDK_DISABLED: {
    description: 'Turns traces off, whatever else is set.',
    default: 'false',
    schema: flag,
  },
  OTEL_SERVICE_NAME: {
    description: 'Name of this service in traces. Unset, `metadata-bff`.',
    schema: text,
  },
  OTEL_TRACES_EXPORTER: {
    description: '`none` turns traces off.',
    default: 'otlp',
    schema: z.enum(['otlp', 'none'], 'must be otlp or none'),
  },
  OTEL_TRACES_SAMPLER: {
    description:
      'Which requests are traced. The default follows the caller’s `traceparent`, and traces all that come without one.',
    default: 'parentbased_always_on',
    schema: z.enum(SAMPLERS, `must be one of ${SAMPLERS.join(', ')}`),
  },
  OTEL_TRACES_SAMPLER_ARG: {
    description: 'The share that the samplers by ratio take, from 0 to 1.',
    default: '1',
    schema: z
      .string()
      .regex(/^(?:0?\.\d{1,9}|0|1(?:\.0+)?)$/, 'must be a number from 0 to 1')
      .transform(Number),
  },
} as const;
