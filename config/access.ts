/** What is asked of callers beyond a good token: how often they may come, and whether tokens must be bound. */
import { flag, integer } from './fields.ts';
import type { Variable, VariableName } from './schema.ts';

export const ACCESS_VARIABLES = {
  USER_READS_PER_MINUTE: {
    description: 'Reads that one user may send to a replica in a minute. 0: any number.',
    default: '120',
    schema: integer(0, 1_000_000),
  },
  USER_WRITES_PER_MINUTE: {
    description:
      'Writes, and reads that ask for `Cache-Control: no-cache`, that one user may send in a minute, to all replicas together. 0: any number.',
    default: '30',
    schema: integer(0, 1_000_000),
  },
  AUTH_FAILURES_PER_MINUTE: {
    description:
      'Tokens and DPoP proofs of one address (IPv6: its /64) that are refused in a minute before whatever it sends is answered 429 unverified. 0: any number.',
    default: '600',
    schema: integer(0, 1_000_000),
  },
  DPOP_REQUIRED: {
    description: 'Whether bearer tokens are refused, so that every token must be bound to a key (RFC 9449).',
    default: 'false',
    schema: flag,
  },
} as const satisfies Readonly<Record<string, Variable<unknown>>>;

export interface AccessConfig {
  /** 0, here and in the two below: any number. */
  readonly userReadsPerMinute: number;
  readonly userWritesPerMinute: number;
  readonly authFailuresPerMinute: number;
  readonly dpopRequired: boolean;
}

/** @param required the value of a variable that has a default. */
export function readAccess(
  required: <T>(name: VariableName, variable: Variable<T>, standIn: T) => T,
): AccessConfig {
  const { USER_READS_PER_MINUTE, USER_WRITES_PER_MINUTE, AUTH_FAILURES_PER_MINUTE, DPOP_REQUIRED } =
    ACCESS_VARIABLES;
  return {
    userReadsPerMinute: required('USER_READS_PER_MINUTE', USER_READS_PER_MINUTE, 0),
    userWritesPerMinute: required('USER_WRITES_PER_MINUTE', USER_WRITES_PER_MINUTE, 0),
    authFailuresPerMinute: required('AUTH_FAILURES_PER_MINUTE', AUTH_FAILURES_PER_MINUTE, 0),
    dpopRequired: required('DPOP_REQUIRED', DPOP_REQUIRED, false),
  };
}
