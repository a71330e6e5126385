/**
 * What belongs to one request beside Express's own objects: its id, when it began, and what the log line
 * and the metrics will say of it.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { NextFunction, Request, Response } from 'express';
import type { Actor } from '../../identity/caller.ts';
import type { WriteReceipt } from '../../metadata/ports.ts';
import { type RenderError, renderProblem } from '../errors.ts';

/** What callers see before the path of a resource. */
export interface BaseAddress {
  readonly protocol: string;
  /** With a port, unless it is the default one. */
  readonly host: string;
  /** In front of the resources; empty, or without a trailing slash. */
  readonly path: string;
  /** All three as one address. */
  readonly url: string;
}

export interface RequestContext {
  readonly id: string;
  readonly startedAt: number;
  /** The route's template, never the address itself, which names keys. */
  route: string;
  /** The address in `PUBLIC_URL` at which the request came. */
  base: BaseAddress | undefined;
  clientId: string | undefined;
  /** Once the token was verified. For the audit alone: no log line or metric may have it. */
  userId: string | undefined;
  /** Who acts for that user, if not they themselves. Log and audit have the hash of its `sub`. */
  actor: Actor | undefined;
  /** Of a write that was on its way to the tenant. */
  receipt: WriteReceipt | undefined;
  /** How errors are written for this request; the drop-in speaks another dialect. */
  renderError: RenderError;
  /** The problem that was answered, and what lies behind it. */
  failure: { readonly code: string; readonly error: unknown } | undefined;
}

/** A WeakMap would keep the request free of it, and the garbage collector busy (docs/performance.md). */
const CONTEXT = Symbol('context');

/** An id from outside is kept only in this form, so that it cannot forge a log line or a header. */
const WELL_FORMED_ID = /^[\w-]{8,64}$/;

export function contextOf(req: IncomingMessage & { [CONTEXT]?: RequestContext }): RequestContext {
  req[CONTEXT] ??= newContext(req);
  return req[CONTEXT];
}

function newContext(req: IncomingMessage): RequestContext {
  const sent = req.headers['x-request-id'];
  return {
    id: typeof sent === 'string' && WELL_FORMED_ID.test(sent) ? sent : randomUUID(),
    startedAt: performance.now(),
    route: 'none',
    base: undefined,
    clientId: undefined,
    userId: undefined,
    actor: undefined,
    receipt: undefined,
    renderError: renderProblem,
    failure: undefined,
  };
}

/** Gives the request its id, and the answer too. */
export function requestContext(req: Request, res: Response, next: NextFunction): void {
  res.setHeader('X-Request-Id', contextOf(req).id);
  next();
}
