/**
 * Faults to order: what should go wrong on which route, how often, and how. At most one fault stands for a route; a
 * fault with `times` is used up by the requests it hits and by no others.
 */
import type { RequestHandler, Response } from 'express';
import { sendFault } from './fault-answer.ts';
import { type Fault, type FaultRoute, faultRoute, isAnswer } from './fault-order.ts';
import { holdAnswer, replaceAnswer } from './held-answers.ts';
import type { Pauses } from './pauses.ts';

export interface Faults {
  /** Middleware that lets the fault ordered for `route`, if any, happen to the request. */
  on(route: FaultRoute): RequestHandler;
  /** Orders a fault, in place of the one that stood for its route. */
  put(fault: Fault): void;
  /** Calls off the fault of one route or all, and lets answers they are delaying go. */
  remove(route?: FaultRoute): void;
  list(): readonly Fault[];
}

/** No faults are ordered at the start. */
export function createFaults(pauses: Pauses): Faults {
  const standing = new Map<FaultRoute, Fault>();

  function take(route: FaultRoute): Fault | undefined {
    const fault = standing.get(route);
    if (fault?.times === 1) standing.delete(route);
    else if (fault?.times !== undefined) standing.set(route, { ...fault, times: fault.times - 1 });
    return fault;
  }

  return {
    on: (route) => async (_request, response, next) => {
      const fault = take(route);
      if (!fault) {
        next();
        return;
      }
      const wait = () => pauses.wait(fault.delay_ms ?? 0, pauseGroup(route));
      const fail = async () => {
        await wait();
        sendFault(response, fault);
      };
      if (!isAnswer(fault)) {
        // A stream has no end to hold, so what is delayed there is its beginning.
        if (route === 'events') await decorate(response, fault, wait);
        else holdAnswer(response, () => decorate(response, fault, wait));
        next();
      } else if (fault.after_apply) {
        replaceAnswer(response, () => void fail());
        next();
      } else {
        await fail();
      }
    },
    put(fault) {
      standing.set(fault.route, fault);
    },
    remove(route) {
      if (route === undefined) standing.clear();
      else standing.delete(route);
      for (const each of route === undefined ? faultRoute.options : [route]) pauses.release(pauseGroup(each));
    },
    list: () => [...standing.values()],
  };
}

function pauseGroup(route: FaultRoute): string {
  return `fault ${route}`;
}

// Last word on the headers: the handler has set its own by the time its answer is held.
async function decorate(response: Response, fault: Fault, wait: () => Promise<void>): Promise<void> {
  await wait();
  response.set(fault.headers ?? {});
}
