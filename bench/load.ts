/** Load, by a generator that never sleeps: waking it would be charged to the server, about 15 us an answer. */
import autocannon from 'autocannon';

type Request = autocannon.Request;

export const ORIGIN = 'https://app.example.com';

/** @throws Error when an answer is no 2xx or does not come. */
export async function sendLoad(
  port: number,
  requests: Request[],
  bound: { duration: number } | { amount: number },
) {
  let isAwake = true;
  const turn = () => void (isAwake && setImmediate(turn));
  turn();
  try {
    const url = `http://127.0.0.1:${port}`;
    const result = await autocannon({ url, connections: 20, requests, ...bound });
    const { non2xx, errors, duration, '2xx': answered } = result;
    if (answered === 0 || non2xx + errors > 0) {
      throw new Error(`${answered} requests were answered, ${non2xx} refused, ${errors} failed`);
    }
    return { answered, perSecond: answered / duration };
  } finally {
    isAwake = false;
  }
}

/** A request for the caller's metadata, with the headers of a browser; with a patch, a merge patch. */
export function toRequest(token: string, patch?: object): Request {
  const headers = {
    accept: 'application/json',
    'accept-encoding': 'gzip, deflate, br, zstd',
    'accept-language': 'de-CH,de;q=0.9,en;q=0.8',
    'user-agent':
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36',
    origin: ORIGIN,
    referer: `${ORIGIN}/`,
    'sec-fetch-dest': 'empty',
    'sec-fetch-mode': 'cors',
    'sec-fetch-site': 'same-site',
    authorization: `Bearer ${token}`,
  };
  const path = '/me/metadata';
  if (patch === undefined) return { method: 'GET', path, headers };
  const patchHeaders = { ...headers, 'content-type': 'application/merge-patch+json' };
  return { method: 'PATCH', path, headers: patchHeaders, body: JSON.stringify(patch) };
}
