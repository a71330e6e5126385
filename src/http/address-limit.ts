/**
 * How often an address may come with a token or proof that is refused. An address beyond it is answered before
 * anything is verified, so that nobody can make this service spend its time on signatures.
 */
import type { Request, Response } from 'express';
import { boundedMap } from '../lib/bounded-map.ts';
import type { AppError, ErrorCode } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import { networkOf } from './network-address.ts';
import { type NamedLimit, setRateLimit, tooMany } from './rate-limit-fields.ts';

export interface AddressLimit {
  /** @throws AppError `rate_limited` for an address that has used up its refusals. */
  admit(req: Request, res: Response): void;
  /** Counts a refusal, if it is one of a token or proof. */
  refused(req: Request, error: AppError): Promise<void>;
}

interface Dependencies {
  /** Undefined: as many as they like. */
  readonly failures: NamedLimit | undefined;
  readonly clock: Clock;
  readonly onRefused: (limit: NamedLimit['name']) => void;
}

/** Not `token_missing`: that costs nothing, and is what a browser gets whose log-in has ended. */
const COUNTED: ReadonlySet<ErrorCode> = new Set(['token_invalid', 'dpop_proof_invalid']);

export function createAddressLimit(
  { failures, clock, onRefused }: Dependencies,
  { addressesMax }: { readonly addressesMax: number },
): AddressLimit {
  if (failures === undefined) return { admit: () => undefined, refused: async () => undefined };
  /** When each may come again. */
  const closedUntil = boundedMap<number>(addressesMax);

  return {
    admit(req, res) {
      // The usual case, in which the address need not even be looked at.
      if (closedUntil.size === 0) return;
      const network = networkOf(req.ip ?? '');
      const until = closedUntil.get(network);
      if (until === undefined) return;
      const count = { within: false, remaining: 0, resetMs: until - clock.now() };
      if (count.resetMs <= 0) {
        closedUntil.delete(network);
        return;
      }
      setRateLimit(res, failures, count);
      onRefused(failures.name);
      throw tooMany('Too many requests from this address carried a token or proof that was refused.', count);
    },
    async refused(req, { code }) {
      if (!COUNTED.has(code)) return;
      const network = networkOf(req.ip ?? '');
      const { remaining, resetMs } = await failures.count(network);
      if (remaining === 0) closedUntil.set(network, clock.now() + resetMs);
    },
  };
}
