/** An HttpClient without a network: it records what is sent, and a test says what is answered. */
import type { HttpClient, HttpRequest, HttpResponse } from '../../src/lib/http-client.ts';

export interface FakeHttp extends HttpClient {
  readonly sent: HttpRequest[];
  /** What comes next: answers and failures are used up in order, and the last one goes on for ever. */
  next(...replies: ReadonlyArray<Reply>): void;
}

export type Reply = HttpResponse | Error | Promise<HttpResponse>;

export function json(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return { status, headers: new Map(Object.entries(headers)), text: JSON.stringify(body) };
}

export function createFakeHttp(): FakeHttp {
  const sent: HttpRequest[] = [];
  let replies: Reply[] = [];
  return {
    sent,
    next(...given) {
      replies = [...given];
    },
    async send(request) {
      sent.push(request);
      const reply = replies.length > 1 ? replies.shift() : replies[0];
      if (reply === undefined) throw new Error('nothing to answer');
      if (reply instanceof Error) throw reply;
      return reply;
    },
    close: () => undefined,
  };
}
