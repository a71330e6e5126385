/**
 * How a faulty answer looks on the wire: Auth0's standard body for a bare status, the given bytes otherwise, and for
 * `drop` a connection that ends without a word or in the middle of one.
 */
import type { Response } from 'express';
import {
  managementErrorBody,
  oauthErrorBody,
  standardManagementError,
  standardTokenError,
} from './auth0-errors.ts';
import type { Fault } from './fault-order.ts';

/** Sends the fault's answer, or cuts the connection as it says. */
export function sendFault(response: Response, fault: Fault): void {
  const saysSomething = fault.status !== undefined || fault.body !== undefined || fault.headers !== undefined;
  if (fault.drop && !saysSomething) {
    response.socket?.destroy();
    return;
  }
  const status = fault.status ?? 200;
  const body = Buffer.from(bodyText(fault, status));
  response.statusCode = status;
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.setHeader('content-length', body.length);
  if (status === 429 && response.hasHeader('x-ratelimit-remaining')) {
    response.setHeader('x-ratelimit-remaining', '0');
  }
  for (const [name, value] of Object.entries(fault.headers ?? {})) response.setHeader(name, value);
  if (!fault.drop) {
    response.end(body);
    return;
  }
  const { socket } = response;
  // The head promises the whole body; half of it arrives, then the connection ends.
  response.flushHeaders();
  response.write(body.subarray(0, Math.ceil(body.length / 2)), () => socket?.destroy());
}

function bodyText(fault: Fault, status: number): string {
  if (typeof fault.body === 'string') return fault.body;
  if (fault.body !== undefined) return JSON.stringify(fault.body);
  if (status === 204 || status === 304) return '';
  if (status < 400) return '{}';
  return JSON.stringify(
    fault.route === 'token'
      ? oauthErrorBody(standardTokenError(status))
      : managementErrorBody(standardManagementError(status)),
  );
}
