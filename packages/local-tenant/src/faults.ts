/**
 * Faults that tests set: which route fails, how, and how often. A route has at most one fault. Only the requests that a
 * fault hits count against its `times`.
 */
import type { RequestHandler, Response } from 'express';
import {
  createManagementError,
  createTokenError,
  toManagementErrorBody,
  toOAuthErrorBody,
} from './auth0-errors.ts';
import { delayResponse, type Delays, replaceResponse } from './delayed-response.ts';
import { type Fault, type FaultRoute, faultRoute, replacesResponse } from './fault-schema.ts';

/**
 * Sends Auth0's standard body for a fault with only a status, or the given body. With `drop`, it ends the connection
 * before or in the middle of the response.
 */
function sendFaultResponse(response: Response, fault: Fault): void {
  const hasResponse = fault.status !== undefined || fault.body !== undefined || fault.headers !== undefined;
  if (fault.drop && !hasResponse) {
    response.socket?.destroy();
    return;
  }
  const status = fault.status ?? 200;
  const body = Buffer.from(getBodyText(fault, status));
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
  // The headers announce the whole body; half of it arrives.
  response.flushHeaders();
  response.write(body.subarray(0, Math.ceil(body.length / 2)), () => socket?.destroy());
}

function getBodyText(fault: Fault, status: number): string {
  if (typeof fault.body === 'string') return fault.body;
  if (fault.body !== undefined) return JSON.stringify(fault.body);
  if (status === 204 || status === 304) return '';
  if (status < 400) return '{}';
  return JSON.stringify(
    fault.route === 'token'
      ? toOAuthErrorBody(createTokenError(status))
      : toManagementErrorBody(createManagementError(status)),
  );
}

export interface Faults {
  /** Middleware that applies the fault of `route`, if there is one. */
  intercept(route: FaultRoute): RequestHandler;
  /** Sets a fault; it replaces the one of its route. */
  setFault(fault: Fault): void;
  /** Removes the fault of one route, or of all, and sends the responses that it delays. */
  removeFaults(route?: FaultRoute): void;
  listFaults(): readonly Fault[];
}

/** Creates the faults, of which none is set. */
export function createFaults(delays: Delays): Faults {
  const faultByRoute = new Map<FaultRoute, Fault>();

  function useFault(route: FaultRoute): Fault | undefined {
    const fault = faultByRoute.get(route);
    if (fault?.times === 1) faultByRoute.delete(route);
    else if (fault?.times !== undefined) faultByRoute.set(route, { ...fault, times: fault.times - 1 });
    return fault;
  }

  return {
    intercept: (route) => async (_request, response, next) => {
      const fault = useFault(route);
      if (!fault) {
        next();
        return;
      }
      const wait = () => delays.wait(fault.delay_ms ?? 0, getDelayGroup(route));
      const fail = async () => {
        await wait();
        sendFaultResponse(response, fault);
      };
      if (!replacesResponse(fault)) {
        // A stream has no end to delay: its beginning is delayed.
        if (route === 'events') await addHeaders(response, fault, wait);
        else delayResponse(response, () => addHeaders(response, fault, wait));
        next();
      } else if (fault.after_apply) {
        replaceResponse(response, () => void fail());
        next();
      } else {
        await fail();
      }
    },
    setFault(fault) {
      faultByRoute.set(fault.route, fault);
    },
    removeFaults(route) {
      if (route === undefined) faultByRoute.clear();
      else faultByRoute.delete(route);
      for (const each of route === undefined ? faultRoute.options : [route])
        delays.release(getDelayGroup(each));
    },
    listFaults: () => [...faultByRoute.values()],
  };
}

function getDelayGroup(route: FaultRoute): string {
  return `fault ${route}`;
}

// Runs after the handler has set its own headers.
async function addHeaders(response: Response, fault: Fault, wait: () => Promise<void>): Promise<void> {
  await wait();
  response.set(fault.headers ?? {});
}
