/** Tells the log and the metrics of every request, once, when its answer has ended or broken off. */
import type { RequestHandler } from 'express';
import { contextOf } from './request-context.ts';

export interface ObservedRequest {
  readonly requestId: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  readonly clientId: string | undefined;
  readonly failure: { readonly code: string; readonly error: unknown } | undefined;
}

export type RequestObservers = ReadonlyArray<(request: ObservedRequest) => void>;

export function createRequestObserver(observers: RequestObservers): RequestHandler {
  return function requestObserver(req, res, next) {
    const context = contextOf(req);
    res.once('close', () => {
      const observed = {
        requestId: context.id,
        method: req.method,
        route: context.route,
        // 499 is what proxies log for a caller who left before the answer.
        status: res.writableFinished ? res.statusCode : 499,
        durationMs: performance.now() - context.startedAt,
        clientId: context.clientId,
        failure: context.failure,
      };
      for (const observe of observers) observe(observed);
    });
    next();
  };
}
