/** Whether the process lives, and whether it can serve: for the operations listener, and with `PUBLIC_HEALTH` for both. */
import type { Response } from 'express';
import { sendResponse } from '../response.ts';
import { type Route, createRoute } from './route.ts';

export interface Readiness {
  report(): { readonly status: string; readonly serves: boolean };
}

export function createHealthRoutes({ readiness }: { readonly readiness: Readiness }): readonly Route[] {
  return [
    createRoute('/livez', { GET: (_req, res) => sendState(res, 200, { status: 'alive' }) }),
    createRoute('/readyz', {
      GET: (_req, res) => {
        const { serves, ...report } = readiness.report();
        sendState(res, serves ? 200 : 503, report);
      },
    }),
  ];
}

/** Whole each time: Express would answer 304 to a probe that sends a precondition. */
function sendState(res: Response, status: number, state: object): void {
  const body = JSON.stringify(state);
  const headers = {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
    'Content-Length': Buffer.byteLength(body),
  };
  sendResponse(res, status, [headers], body);
}
