/**
 * The environment variables of audit and traces. Those that begin with `OTEL_` are OpenTelemetry's own, and
 * mean what its specification says (Environment Variable Specification, type-specific guidance): words in any case, and a
 * value that is not understood is a warning. Its exporter reads more of them itself.
 */
import { z } from 'zod';
import { text } from './fields.ts';

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

const otelFlag = z
  .string()
  .toLowerCase()
  .pipe(z.enum(['true', 'false'], 'must be true or false').transform((value) => value === 'true'));

const otelShare = z
  .string()
  .refine(
    (value) => /\S/.test(value) && Number(value) >= 0 && Number(value) <= 1,
    'must be a number from 0 to 1',
  )
  .transform(Number);

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
  OTEL_EXPORTER_OTLP_PROTOCOL: {
    description: 'Only OTLP over HTTP is spoken; `grpc` is passed over with a warning.',
    schema: z
      .string()
      .toLowerCase()
      .pipe(z.enum(['http/json', 'http/protobuf'], 'must be http/json or http/protobuf')),
  },
  OTEL_SDK_DISABLED: {
    description: 'Turns traces off, whatever else is set.',
    default: 'false',
    schema: otelFlag,
  },
  OTEL_SERVICE_NAME: {
    description: 'Name of this service in traces. Unset, `metadata-bff`.',
    schema: text,
  },
  OTEL_TRACES_EXPORTER: {
    description: '`none` turns traces off. Others than `otlp` are passed over with a warning.',
    default: 'otlp',
    schema: z
      .string()
      .toLowerCase()
      .pipe(z.enum(['otlp', 'none'], 'must be otlp or none')),
  },
  OTEL_TRACES_SAMPLER: {
    description:
      'Which requests are traced. The default follows the caller’s `traceparent`, and traces all that come without one.',
    default: 'parentbased_always_on',
    schema: z
      .string()
      .toLowerCase()
      .pipe(z.enum(SAMPLERS, `must be one of ${SAMPLERS.join(', ')}`)),
  },
  OTEL_TRACES_SAMPLER_ARG: {
    description: 'The share that the samplers by ratio take, from 0 to 1.',
    default: '1',
    schema: otelShare,
  },
} as const;
