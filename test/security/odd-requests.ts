/** Requests that no client means, and bytes that are hardly requests. */
import * as fc from 'fast-check';

export interface OddRequest {
  /** Latin-1. */
  readonly bytes: string;
  readonly method: string;
  /** Whether the bytes are one HTTP request. */
  readonly framed: boolean;
}

/** What a request may carry in place of a token. */
export interface Tokens {
  readonly good: string;
  /** May read and change nothing. */
  readonly powerless: string;
  readonly others: readonly string[];
}

const METHODS = ['GET', 'GET', 'HEAD', 'PUT', 'PATCH', 'PATCH', 'DELETE', 'OPTIONS'];
const RARE_METHODS = ['POST', 'TRACE', 'PROPFIND', 'PURGE', 'MKCOL', 'LINK', 'M-SEARCH', 'REPORT'];

const NASTY_SEGMENTS = [
  '__proto__',
  'constructor',
  'toString',
  'a',
  'a.b',
  '$where',
  '..',
  '.',
  '%',
  '%zz',
  '%00',
  '%2e%2e',
  '%2F',
  '%E0%A4%A',
  '%C0%AF',
  '%ED%A0%80',
  '%F0%9F%99%82',
  ';',
  ':key',
  '*',
  '(',
  '[',
  '{id}',
  'x'.repeat(3_000),
];
const PATHS = [
  '/me',
  '/me/metadata',
  '/me/metadata',
  '/me/metadata',
  '/me/app-metadata',
  '/client/metadata',
  '/me/events',

  '/api/v2/users/auth0%7Codd',
  '/api/v2/users/',
  '/schemas/user-metadata',
  '/docs',
  '/docs/start.js',
  '/',
  '/openapi.json',
  '/.well-known/oauth-protected-resource',
  '/nowhere',
  '//me',
  '*',
  'http://h/me',
];

/** Visible characters, blanks and a few beyond ASCII: what the parser lets pass in a field. */
const fieldText = fc.string({
  unit: fc
    .oneof(
      { weight: 9, arbitrary: fc.integer({ min: 0x20, max: 0x7e }) },
      { weight: 1, arbitrary: fc.integer({ min: 0x80, max: 0xff }) },
    )
    .map((code) => String.fromCharCode(code)),
  maxLength: 40,
});
const pathText = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  maxLength: 20,
});

const path = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...PATHS) },
  { weight: 3, arbitrary: fc.constantFrom(...NASTY_SEGMENTS).map((key) => `/me/metadata/${key}`) },
  { weight: 1, arbitrary: fc.constantFrom(...NASTY_SEGMENTS).map((id) => `/api/v2/users/${id}`) },
  { weight: 1, arbitrary: pathText.map((text) => `/${text}`) },
);
const query = fc.oneof(
  { weight: 4, arbitrary: fc.constant('') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '?fields=a&fields=b',
      '?fields=',
      '?fields=__proto__,a&include_fields=false',
      '?include_fields=maybe',

      '?__proto__=1',
      '?fields[]=a',
      '?fields=%zz%00',
      '?access_token=x',
      '?download=1',
      `?${'a&'.repeat(900)}`,
      '?include_fields=true&include_fields=true',
      '??',
      '?=',
      '?&&&',
      '?fields=%ED%A0%80',
      '#x',
    ),
  },
  { weight: 1, arbitrary: pathText.map((text) => `?${text}`) },
);

/** Values that some part of the service reads. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  'Content-Encoding': ['gzip', 'br', 'deflate', 'identity', 'compress', 'gzip, gzip', ''],
  Accept: ['*/*', 'text/event-stream', 'text/html', 'application/json;q=0', ';;;', 'a/b,'.repeat(400)],
  'If-Match': ['*', '"x"', 'W/"x"', '"', '""', '"a", "b"', 'x', `${'"a",'.repeat(500)}"a"`, ''],
  'If-None-Match': ['*', '"x"', 'W/"x"', '"', ', ,', 'x', ''],
  Prefer: ['return=minimal', 'return = "minimal"', 'return=;,', 'x=y; z', ''],
  'Cache-Control': ['no-cache', 'no-store, max-age=0', 'max-age=x', ',,,', ''],
  Pragma: ['no-cache'],
  'Last-Event-ID': ['"x"', '0', ''],
  'X-Request-Id': ['good-request-id', 'x', '../../etc', '\u00ff', ''],
  'X-Forwarded-For': ['1.2.3.4', '1.2.3.4, x, ::1', 'x'],
  'X-Forwarded-Host': ['evil.example', 'a"b'],
  'X-Forwarded-Proto': ['https', 'javascript'],
  Forwarded: ['for=x;host="y"'],
  DPoP: ['x', 'eyJ.eyJ.x', ''],
  Origin: ['null', 'https://evil.example', 'x'],
  'Access-Control-Request-Method': ['PATCH', 'x'],
  'Access-Control-Request-Headers': ['authorization', ',,,'],
  Cookie: ['a=b', '__proto__=x'],
  Range: ['bytes=0-1', 'x'],
  Expect: ['100-continue', 'x'],
  TE: ['trailers'],
  Connection: ['keep-alive', 'close', 'Upgrade', 'x'],
  Upgrade: ['websocket', 'h2c'],
  'Accept-Encoding': ['gzip', 'identity;q=0'],
  'X-HTTP-Method-Override': ['DELETE'],
  Date: ['x'],
};
const field = fc
  .constantFrom(...Object.keys(VALUES))
  .chain((name) =>
    fc
      .oneof(
        { weight: 4, arbitrary: fc.constantFrom(...(VALUES[name] ?? [])) },
        { weight: 1, arbitrary: fieldText },
      )
      .map((value) => `${name}: ${value}\r\n`),
  );
const mediaType = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      'application/json',
      'application/merge-patch+json',
      'application/json-patch+json',

      'application/json; charset=utf-8',
      'application/json; charset=utf-16',
      'application/json;charset="x',
      'text/plain',
      'multipart/form-data',
      'application/x-www-form-urlencoded',
      '',
      ';',
      'json',
    ),
  },
  { weight: 1, arbitrary: fieldText },
);

const NASTY_JSON = [
  '',
  ' ',
  'null',
  'true',
  '0',
  '""',
  '[]',
  '{}',
  '{"a":null}',
  '{"a":1}',
  '{"a":{"b":{"c":[1,{"d":null}]}}}',
  '{"__proto__":{"x":1}}',
  '{"constructor":{"prototype":{"x":1}}}',
  '{"a":{"__proto__":null}}',
  '{"":1}',
  '{"a.b":1}',
  '{"$set":{"a":1}}',
  '{"a":"\\ud800"}',
  '{"\\udfff":1}',
  '{"a":"\\u0000"}',
  '{"a":1e999}',

  '{"a":-0}',
  '{"a":1e-400}',
  '{"a":123456789012345678901234567890}',
  '{"a":1,"a":2}',
  '\u00ef\u00bb\u00bf{}',
  '{"a":NaN}',
  '{"a":\u00ff}',
  '{"a":',
  '[',
  '{"toString":1,"hasOwnProperty":2}',
  '{"length":-1}',

  '{"user_metadata":{"a":1}}',
  '{"user_metadata":{}}',
  '{"user_metadata":{"a":1},"app_metadata":{"x":1}}',

  '{"user_metadata":[]}',
  '{"email":"x"}',
  '{"user_metadata":{"__proto__":1}}',
  '{"then":"x","toJSON":"y"}',

  '[{"op":"add","path":"/a","value":1}]',
  '[{"op":"test","path":"/x","value":1}]',
  '[{"op":"remove","path":""}]',

  '[{"op":"copy","from":"","path":"/a"}]',
  '[{"op":"add","path":"/__proto__/x","value":1}]',
  '[{"op":"x"}]',
  '[{"op":"add","path":"a","value":1}]',
  '[{"op":"add","path":"/a/-","value":1}]',
  '[null]',
  '[[]]',
  '[{"op":"move","from":"/a","path":"/a/b"}]',
  '[{"op":"add","path":"/~2","value":{}}]',
  '[{}]',
  '['.repeat(2_000),
  `${'['.repeat(3_000)}${']'.repeat(3_000)}`,
  `{"a":${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}}`,
  `{"a":"${'x'.repeat(9_000)}"}`,
  `{${Array.from({ length: 150 }, (_, index) => `"k${index}":1`).join()}}`,
];
const body = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...NASTY_JSON) },
  { weight: 2, arbitrary: fc.json({ maxDepth: 3 }).map((text) => Buffer.from(text).toString('latin1')) },
  { weight: 1, arbitrary: fieldText },
);

const withLength = (text: string) => `Content-Length: ${text.length}\r\n\r\n${text}`;
const inChunks = (text: string) => {
  const half = Math.ceil(text.length / 2);
  const chunks = [text.slice(0, half), text.slice(half)].filter((chunk) => chunk !== '');
  const framed = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
  return `Transfer-Encoding: chunked\r\n\r\n${framed}0\r\n\r\n`;
};

function wellFramed(tokens: Tokens): fc.Arbitrary<OddRequest> {
  const authorization = fc.oneof(
    { weight: 7, arbitrary: fc.constant(`Authorization: Bearer ${tokens.good}\r\n`) },
    { weight: 2, arbitrary: fc.constant(`Authorization: Bearer ${tokens.powerless}\r\n`) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '',
        'Authorization: \r\n',
        'Authorization: Bearer\r\n',
        'Authorization: Bearer a.b.c\r\n',
        'Authorization: Basic x\r\n',
        `Authorization: DPoP ${tokens.good}\r\n`,
        `Authorization: Bearer ${tokens.good} x\r\n`,
        ...tokens.others.map((token) => `Authorization: Bearer ${token}\r\n`),
      ),
    },
    { weight: 1, arbitrary: fieldText.map((value) => `Authorization: Bearer ${value}\r\n`) },
  );
  const method = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...METHODS) },
    { weight: 1, arbitrary: fc.constantFrom(...RARE_METHODS) },
  );
  return fc
    .record({
      method,
      path,
      query,
      authorization,
      fields: fc.oneof(
        { weight: 3, arbitrary: fc.array(field, { maxLength: 3 }) },
        { weight: 1, arbitrary: fc.array(field, { maxLength: 30 }) },
      ),
      type: mediaType,
      body,
      frame: fc.constantFrom(withLength, inChunks),
    })
    .map((given) => {
      const carries = /^(?:PUT|PATCH|POST|PROPFIND|REPORT)$/.test(given.method);
      const head = `${given.method} ${given.path}${given.query} HTTP/1.1\r\nHost: h\r\n${given.authorization}`;
      const rest = carries ? `Content-Type: ${given.type}\r\n${given.frame(given.body)}` : '\r\n';
      return { bytes: `${head}${given.fields.join('')}${rest}`, method: given.method, framed: true };
    });
}

const noise = fc.string({
  unit: fc.oneof(
    fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
    fc.constantFrom(
      '\r\n',
      '\r',
      '\n',
      ':',
      ' ',
      '\0',
      'HTTP/1.1',
      'GET ',
      '\r\n\r\n',
      '0\r\n',
      'Content-Length: 3',
    ),
  ),
  maxLength: 60,
});

/** A request with a part cut out, put in the place of another, or in twice; or nothing like a request. */
function mangled(tokens: Tokens): fc.Arbitrary<OddRequest> {
  const cut = fc.record({ from: fc.nat(900), length: fc.nat(12), by: fc.oneof(noise, fc.constant('')) });
  return fc
    .oneof(
      {
        weight: 4,
        arbitrary: fc
          .tuple(wellFramed(tokens), fc.array(cut, { minLength: 1, maxLength: 3 }))
          .map(([{ bytes }, cuts]) =>
            cuts.reduce((text, { from, length, by }) => {
              const at = from % (text.length + 1);
              return `${text.slice(0, at)}${by}${text.slice(at + length)}`;
            }, bytes),
          ),
      },
      { weight: 1, arbitrary: noise },
    )
    .map((bytes) => ({ bytes, method: bytes.includes('HEAD') ? 'HEAD' : 'GET', framed: false }));
}

/** Four of five are one request each, however odd; the others carry the tokens of `spare`. */
export function oddRequest(tokens: Tokens, spare: Tokens): fc.Arbitrary<OddRequest> {
  return fc.oneof({ weight: 4, arbitrary: wellFramed(tokens) }, { weight: 1, arbitrary: mangled(spare) });
}
