/** Tells the log, the metrics and the trace of every request, once, when its answer has ended or broken off. */
import type { IncomingHttpHeaders } from 'node:http';
import type { RequestHandler } from 'express';
import type { Actor } from '../../identity/caller.ts';
import { contextOf } from './request-context.ts';

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
  end(request: ObservedRequest): void;
}

export interface RequestObservers {
  readonly onEnd: ReadonlyArray<(request: ObservedRequest) => void>;
  /** Begins a span; absent, or answering undefined, where requests are not traced. */
  readonly trace?: ((method: string, headers: IncomingHttpHeaders) => RequestSpan | undefined) | undefined;
}

export function createRequestObserver({ onEnd, trace }: RequestObservers): RequestHandler {
  return function requestObserver(req, res, next) {
    const context = contextOf(req);
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
