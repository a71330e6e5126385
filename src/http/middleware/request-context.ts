/**
 * What belongs to one request beside Express's own objects: its id, when it began, the headers that middleware adds to
 * its answer, and what the log line and the metrics say of it.
 */
import type { RequestHandler } from 'express';
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Actor } from '../../identity/caller.ts';
import type { SentWrite } from '../../metadata/ports.ts';
import { type RenderError, renderProblem } from '../errors.ts';

/** What callers see before the path of a resource. */
export interface BaseAddress {
  readonly protocol: string;
  /** With a port, unless it is the default one. */
  readonly host: string;
  /** In front of the routes; empty, or without a trailing slash. */
  readonly path: string;
  /** All three as one address. */
  readonly url: string;
}

/** Names and values in turn, as `writeHead` takes them. */
export type HeaderList = Array<string | number>;

interface RequestContext {
  readonly id: string;
  readonly startedAt: number;
  /** What middleware adds to the answer, whether it succeeds or fails. `startResponse` sends it. */
  readonly headers: HeaderList;
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
  receipt: SentWrite | undefined;
  /** How errors are written for this request; the drop-in writes them as Auth0 does. */
  renderError: RenderError;
  /** The problem that was answered, and what lies behind it. */
  failure: { readonly code: string; readonly error: unknown } | undefined;
}

/** A WeakMap would keep the request free of it, and the garbage collector busy (docs/performance.md). */
const CONTEXT = Symbol('context');

/** An id from outside is kept only in this form, so that it cannot forge a log line or a header. */
const WELL_FORMED_ID = /^[\w-]{8,64}$/;

export function getContext(req: IncomingMessage & { [CONTEXT]?: RequestContext }): RequestContext {
  req[CONTEXT] ??= createContext(req);
  return req[CONTEXT];
}

function createContext(req: IncomingMessage): RequestContext {
  const sent = req.headers['x-request-id'];
  const id = typeof sent === 'string' && WELL_FORMED_ID.test(sent) ? sent : randomUUID();
  return {
    id,
    startedAt: performance.now(),
    headers: ['X-Request-Id', id],
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

/** Adds a header, or replaces the one of the same name. Names must have the same casing everywhere. */
export function setHeader(headers: HeaderList, name: string, value: string | number): void {
  for (let index = 0; index < headers.length; index += 2) {
    if (headers[index] !== name) continue;
    headers[index + 1] = value;
    return;
  }
  headers.push(name, value);
}

// The log, the metrics and the trace get each request once, when its answer ends or breaks off.

export interface ObservedRequest {
  readonly requestId: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  readonly clientId: string | undefined;
  readonly actor: Actor | undefined;
  readonly traceId: string | undefined;
  readonly failure: { readonly code: string; readonly error: unknown } | undefined;
}

/** The span of one request in its trace. */
export interface RequestSpan {
  readonly traceId: string;
  /** Runs what belongs below it. */
  run(task: () => void): void;
  end(request: Pick<ObservedRequest, 'requestId' | 'route' | 'status' | 'failure'>): void;
}

export interface RequestObservers {
  readonly onEnd: ReadonlyArray<(request: ObservedRequest) => void>;
  /** Begins a span; absent, or answering undefined, where requests are not traced. */
  readonly trace?: ((method: string, headers: IncomingHttpHeaders) => RequestSpan | undefined) | undefined;
}

export function createRequestObserver({ onEnd, trace }: RequestObservers): RequestHandler {
  return function requestObserver(req, res, next) {
    const context = getContext(req);
    const span = trace?.(req.method, req.headers);
    res.on('close', () => {
      const observed = {
        requestId: context.id,
        method: req.method,
        route: context.route,
        // 499 is what proxies log for a caller who left before the answer.
        status: res.writableFinished ? res.statusCode : 499,
        durationMs: performance.now() - context.startedAt,
        clientId: context.clientId,
        actor: context.actor,
        traceId: span?.traceId,
        failure: context.failure,
      };
      for (const observe of onEnd) observe(observed);
      span?.end(observed);
    });
    if (span) span.run(() => next());
    else next();
  };
}
