/**
 * Puts itself between a handler and its client: the real operation runs to its end, and only then is it decided when,
 * or whether, its answer goes out. Works for handlers that answer with a single `end`, which all here do.
 */
import type { ServerResponse } from 'node:http';

/** Lets the answer of whatever handles this request go out only after `wait` has resolved. */
export function holdAnswer(response: ServerResponse, wait: () => Promise<void>): void {
  interceptEnd(response, (finish) => {
    void wait().then(finish);
  });
}

/** Throws away the answer of whatever handles this request, and calls `answerInstead` once it would have gone out. */
export function replaceAnswer(response: ServerResponse, answerInstead: () => void): void {
  interceptEnd(response, () => {
    // What describes the answer goes with it; rate limits and cross-origin permissions hold for any answer.
    const described = response.getHeaderNames().filter((name) => name.startsWith('content-'));
    for (const name of described) response.removeHeader(name);
    answerInstead();
  });
}

function interceptEnd(response: ServerResponse, then: (finish: () => void) => void): void {
  // Taken as a value: outer interceptions must still be called, and with the response as `this`.
  const end: typeof response.end = Reflect.get(response, 'end');
  response.end = (...answer: unknown[]) => {
    response.end = end;
    then(() => {
      Reflect.apply(end, response, answer);
    });
    return response;
  };
}
