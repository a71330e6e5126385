/**
 * Large answers that their clients have not taken yet. Answers with the same content share one buffer, and what all
 * buffers hold together is bounded: beyond that, the connections that have waited longest are cut off.
 */
import type { ServerResponse } from 'node:http';

export interface UnreadAnswers {
  /**
   * Counts the body of an answer that is about to be sent, until the connection has taken it. Returns the buffer to
   * send: the one that others wait for already, if they wait for the same content.
   * @param content a tag of exactly these bytes; undefined where there is none.
   */
  share(res: ServerResponse, content: string | undefined, body: Buffer): Buffer;
  /** Bytes that wait, each buffer counted once. */
  bytes(): number;
}

interface Waiting {
  readonly body: Buffer;
  readonly responses: Set<ServerResponse>;
}

export function createUnreadAnswers({ bytesMax }: { readonly bytesMax: number }): UnreadAnswers {
  /** The one that has waited longest first. */
  const waiting = new Map<string | symbol, Waiting>();
  let bytes = 0;

  function add(key: string | symbol, body: Buffer): Waiting {
    const added: Waiting = { body, responses: new Set() };
    waiting.set(key, added);
    bytes += body.length;
    return added;
  }

  function remove(key: string | symbol, { body }: Waiting): void {
    if (!waiting.delete(key)) return;
    bytes -= body.length;
  }

  /** Cuts off those who have waited longest, until the rest is within the bound; never those who wait for `spared`. */
  function cutBeyondBound(spared: Waiting): void {
    for (const [key, oldest] of waiting) {
      if (bytes <= bytesMax || oldest === spared) return;
      remove(key, oldest);
      for (const response of oldest.responses) response.destroy();
    }
  }

  return {
    share(res, content, body) {
      const key = content ?? Symbol('one answer');
      const held = waiting.get(key) ?? add(key, body);
      held.responses.add(res);
      res.once('close', () => {
        held.responses.delete(res);
        if (held.responses.size === 0 && waiting.get(key) === held) remove(key, held);
      });
      cutBeyondBound(held);
      return held.body;
    },
    bytes: () => bytes,
  };
}

/** What a burst of users with the largest documents needs for a moment, and little of a small container. */
const UNREAD_BYTES_MAX = 67_108_864;

/** One for all listeners, because the memory of a process is one. */
export const unreadAnswers = createUnreadAnswers({ bytesMax: UNREAD_BYTES_MAX });
