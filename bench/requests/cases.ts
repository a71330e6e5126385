/** What the service is asked in its own table: every kind of request, and every kind of token. */
import { ask } from './load.ts';
import { type Program, startProcess } from './process.ts';
import { forged, getRequest, patchRequest, PATH } from './requests.ts';
import type { Case } from './window.ts';

export interface Tokens {
  /** One for each of as many users: those who have warmed up. */
  readonly known: readonly string[];
  /** More tokens of the same users. */
  readonly more: readonly string[];
  /** Tokens of users who have never called. */
  readonly strangers: readonly string[];
  /** Tokens of users who do nothing but write, so that all others hold the same document. */
  readonly writers: readonly string[];
  readonly expired: readonly string[];
}

export const CASES = {
  read: 'GET, 200',
  notModified: 'GET, 304',
  key: 'GET of a key',
  flatPatch: 'PATCH of one key',
  nestedPatch: 'PATCH, nested',
  firstSight: 'GET, token not seen before',
  cold: 'GET, neither token nor user seen before',
  forged: 'bad signature, 401',
  expired: 'expired token, 401',
  garbage: 'no JWT, 401',
} as const;

function turns(tokens: readonly string[], make: (token: string, index: number) => string): Case['requestAt'] {
  return (index) => make(tokens[index % tokens.length] ?? '', index);
}

/** Patches by users who take turns; no two of the same user in a row are alike, because one that changes nothing is not sent. */
function patches(tokens: readonly string[], odd: object, even: object): Case['requestAt'] {
  return turns(tokens, (token, index) =>
    patchRequest(token, Math.floor(index / tokens.length) % 2 === 0 ? even : odd),
  );
}

/** What every contestant can do that keeps profiles. Reads come first, while all users are warm. */
export function commonCases(tokens: Tokens, etag: string): Case[] {
  const { known, more, strangers, writers, expired } = tokens;
  return [
    { name: CASES.read, status: 200, requestAt: turns(known, (token) => getRequest(token)) },
    {
      name: CASES.notModified,
      status: 304,
      requestAt: turns(known, (token) => getRequest(token, PATH, [`If-None-Match: ${etag}`])),
    },
    {
      name: CASES.firstSight,
      status: 200,
      requestAt: turns(more, (token) => getRequest(token)),
      requestsMax: more.length,
    },
    {
      name: CASES.forged,
      status: 401,
      requestAt: turns(more, (token) => getRequest(forged(token))),
      requestsMax: more.length,
    },
    { name: CASES.expired, status: 401, requestAt: turns(expired, (token) => getRequest(token)) },
    { name: CASES.garbage, status: 401, requestAt: (index) => getRequest(`${index}`.padStart(40, 'x')) },
    {
      name: CASES.cold,
      status: 200,
      requestAt: turns(strangers, (token) => getRequest(token)),
      requestsMax: strangers.length,
    },
    {
      name: CASES.flatPatch,
      status: 200,
      requestAt: patches(writers, { theme: 'light' }, { theme: 'system' }),
    },
  ];
}

/** What only the service can do. */
export function ownCases({ known, writers }: Tokens): Case[] {
  return [
    {
      name: CASES.key,
      status: 200,
      requestAt: turns(known, (token) => getRequest(token, `${PATH}/theme`)),
    },
    {
      name: CASES.nestedPatch,
      status: 200,
      requestAt: patches(writers, digestOn('tuesday'), digestOn('friday')),
    },
  ];
}

const digestOn = (day: string) => ({ notifications: { digest: { day } } });

/** The tag of the document that all users hold, as this program makes it. */
export async function etagOf(program: Program, request: string): Promise<string> {
  const server = await startProcess(program, request);
  try {
    const { text } = await ask(server.port, request);
    return /\r\netag: *([^\r]+)/i.exec(text)?.[1] ?? '""';
  } finally {
    await server.stop();
  }
}
