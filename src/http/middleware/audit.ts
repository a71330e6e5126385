/**
 * Records every write of a known user once, when its outcome is known: also one that is refused, and one whose caller
 * leaves before the answer. It records names of keys, and never values.
 */
import type { Request } from 'express';
import type { Actor } from '../../identity/caller.ts';
import { AppError } from '../../lib/app-error.ts';
import { parsePointer } from '../../metadata/json-pointer.ts';
import type { OnSent } from '../../metadata/ports.ts';
import { getContext } from './request-context.ts';

/**
 * - `applied`: the change that carries it was made.
 * - `unchanged`: it was accepted, and there was nothing to send.
 * - `refused`: nothing of it was made; `code` says why.
 * - `unknown`: it was sent, and whether the tenant made it is not known.
 */
export type WriteOutcome = 'applied' | 'unchanged' | 'refused' | 'unknown';

export interface AuditedWrite {
  readonly requestId: string;
  readonly userId: string;
  readonly clientId: string | undefined;
  /** Who acted for the user. */
  readonly actor: Actor | undefined;
  readonly action: 'replace' | 'patch' | 'remove';
  readonly route: string;
  /** First-level keys: those it changes, or else those that its refusal is about. */
  readonly keys: readonly string[];
  readonly outcome: WriteOutcome;
  readonly code: string | undefined;
  /** Of the request to the tenant that carried it, which may have carried others. */
  readonly correlationId: string | undefined;
  readonly durationMs: number;
}

export type Audit = (write: AuditedWrite) => void;

const ACTIONS: ReadonlyMap<string, AuditedWrite['action']> = new Map([
  ['PUT', 'replace'],
  ['PATCH', 'patch'],
  ['DELETE', 'remove'],
]);

/** What keeps the receipt of a write for its audit. */
export function createOnSent(req: Request): OnSent {
  return (receipt) => {
    getContext(req).receipt = receipt;
  };
}

/** Runs a write and records it. A write before its user is known is not recorded. */
export async function withAudit(audit: Audit, req: Request, write: () => Promise<void>): Promise<void> {
  try {
    await write();
    record(req, audit, undefined);
  } catch (error) {
    record(req, audit, { error });
    throw error;
  }
}

function record(req: Request, audit: Audit, failure: { readonly error: unknown } | undefined): void {
  const action = ACTIONS.get(req.method);
  const { id, userId, clientId, actor, route, receipt, startedAt } = getContext(req);
  if (action === undefined || userId === undefined) return;
  audit({
    requestId: id,
    userId,
    clientId,
    actor,
    action,
    route,
    keys: receipt?.keys ?? (failure ? getKeys(req, failure.error) : []),
    outcome: failure ? getOutcome(failure.error, receipt !== undefined) : receipt ? 'applied' : 'unchanged',
    code: failure && getCode(failure.error),
    correlationId: receipt?.correlationId,
    durationMs: performance.now() - startedAt,
  });
}

function getOutcome(error: unknown, sent: boolean): WriteOutcome {
  if (!(error instanceof AppError)) return sent ? 'unknown' : 'refused';
  // The change was made, and another change has removed the key since.
  if (sent && error.code === 'key_not_found') return 'applied';
  return error.extras.outcome ?? 'refused';
}

function getCode(error: unknown): string {
  return error instanceof AppError ? error.code : 'internal';
}

/** The key of the address, or the roots of the places that the refusal names. */
function getKeys(req: Request, error: unknown): readonly string[] {
  const { key } = req.params;
  if (typeof key === 'string') return [key];
  const errors = error instanceof AppError ? (error.extras.errors ?? []) : [];
  return [...new Set(errors.flatMap(({ pointer }) => parsePointer(pointer).slice(0, 1)))];
}
