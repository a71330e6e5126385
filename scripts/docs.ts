/**
 * `npm run docs`: writes the parts of the documentation that follow from the code: the tables of errors,
 * variables and metrics, the help of the commands, `docs/errors.md`, and `.env.example`. A test fails while a written part differs from what this makes.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describeCommand, getCommandNames } from '../src/commands/command-line.ts';
import { PROBLEMS } from '../src/http/errors.ts';
import type { ErrorCode } from '../src/lib/app-error.ts';
import { LOG_EVENTS } from '../src/observability/logger.ts';
import { createMetrics } from '../src/observability/metrics.ts';
import { getConfigurationTable, getEnvExample } from './configuration-docs.ts';
import { packageRoot } from '../demo/package-root.ts';

interface Explanation {
  /** What led to the error. */
  readonly when: string;
  /** What the author of the client, or the operator, does about it. */
  readonly remedy: string;
}

/** A code without an explanation does not compile. */
const EXPLANATIONS: Readonly<Record<ErrorCode, Explanation>> = {
  request_malformed: {
    when: 'The request cannot be read: bytes that are no complete HTTP request or did not come in time, a header twice that may stand once, a path that cannot be decoded, a body shorter than announced, an `If-Match` or `If-None-Match` that is not a list of quoted entity tags, or a second access token in the query.',
    remedy: 'Correct the request; repeating it as it is will not help.',
  },
  body_required: {
    when: 'A PUT or PATCH came without a body, or with an empty one. An absent body is never taken for `{}`.',
    remedy:
      'Send JSON. To change nothing, send the merge patch `{}`; to remove everything writable, use DELETE.',
  },
  json_invalid: {
    when: 'The body is not JSON, or not UTF-8.',
    remedy: 'Serialise the body with a JSON library, as UTF-8.',
  },
  query_invalid: {
    when: '`fields` is given more than once, or `include_fields` is neither `true` nor `false`.',
    remedy: 'Send `fields` once, its names separated by commas.',
  },
  token_missing: {
    when: 'There is no `Authorization` header with the scheme `Bearer` or `DPoP`. Tokens in the query or in a body are not looked for.',
    remedy: 'Log the user in, ask Auth0 for a token of this API’s audience, and send it in the header.',
  },
  token_invalid: {
    when: 'The token is not a JWT, comes from another issuer, is meant for another audience, has expired or is not valid yet, is signed with an algorithm or key that is not accepted, is longer than 8192 characters, is bound to something other than a DPoP key, has a claim `act` that is no chain of at most 5 actors with a `sub` each, or comes as a bearer while the service runs with `DPOP_REQUIRED=true`. `detail` says which.',
    remedy:
      'Get a new token. “Another audience” means that the app did not ask for this API’s `audience`; “not a JWT” is what Auth0 issues when no audience is asked for at all. A token that is too long comes back from each login: find what makes it long (many permissions, large custom claims) and leave that out; its length and the limit stand in `detail`.',
  },
  dpop_proof_invalid: {
    when: 'The `DPoP` scheme is used without a proof, the proof does not fit method, address, token or time, it was used before, or a proof came along with a bearer token.',
    remedy:
      'Make a new proof for each request and each repetition of it, over the address that the browser sees. It is compared with `PUBLIC_URL`, or without that with the host of the request: then list a reverse proxy in `TRUSTED_PROXIES`, and let it leave the path as it is. A proof may be 90 seconds old and lie 30 in the future: look at the clock of the device.',
  },
  step_up_required: {
    when: 'The write touches a value that the schema marks with `x-step-up`, and the login behind the token is too old or of another class. `max_age` and `acr_values` say what is needed, in the body and in `WWW-Authenticate` (RFC 9470). Nothing was stored.',
    remedy:
      'Log in again with `max_age` or `acr_values` as they stand there, and repeat the write with the new token. If the token never says when the user logged in: does an Action set the claims of the [policy](policy.md#a-recent-or-stronger-login)?',
  },
  scope_missing: {
    when: 'The token is good but lacks the scope. `WWW-Authenticate` names it. A `test` in a JSON Patch needs the scope to read as well as the one to change.',
    remedy:
      'Ask for the scope when logging in. If Auth0 leaves it out: is it a permission of the API, and, with RBAC, does the user have it? Where permissions arrive in the `permissions` claim, set `AUTH_PERMISSIONS_CLAIM`.',
  },
  caller_not_a_user: {
    when: 'The token stands for a machine, an anonymous session or an agent: no `sub`, a `sub` that ends in `@clients` or starts with `anon@` or `agt_`, or the grant `client-credentials`.',
    remedy:
      'Call with a token that a person got by logging in. To change metadata from a backend, use the Management API.',
  },
  client_not_allowed: {
    when: 'The application is not listed in `ALLOWED_CLIENTS`, the token does not say which application it is for (`/client/metadata`), or the tenant no longer knows that application.',
    remedy: 'Add the client id to `ALLOWED_CLIENTS`, or use an application that is listed there.',
  },
  actor_not_allowed: {
    when: 'The token names an actor (the claim `act`, RFC 8693), and the policy’s `delegation` does not let this actor do this: actors may only read (the default), are refused altogether, or this one is not listed.',
    remedy:
      'Let the user act in person. For the operator: see [Delegation](policy.md#delegation) before you allow more.',
  },
  key_read_only: {
    when: 'The write would change what this caller may not change: something the schema marks `readOnly`, or a key that the policy does not let this application write. `errors` names each. Nothing was changed.',
    remedy: 'Leave these keys out. Sending them with the value they already have is fine.',
  },
  user_mismatch: {
    when: 'The user in the path of `/api/v2/users/{id}` is not the `sub` of the token.',
    remedy: 'A caller reaches their own user only; take the id from the token.',
  },
  route_not_found: {
    when: 'There is no such path. Paths are case-sensitive and have no slash at the end. `/api/v2/users/{id}` exists only with `AUTH0_COMPAT=true`.',
    remedy: 'Compare with `/openapi.json`.',
  },
  key_not_found: {
    when: 'The metadata has no such top-level key, or this application may not see it.',
    remedy: 'Treat it as “not set”. PUT creates it.',
  },
  user_not_found: {
    when: 'The user was deleted after the token was issued.',
    remedy: 'Log the user out.',
  },
  method_not_allowed: {
    when: 'The resource does not know the method. `Allow` lists those it knows.',
    remedy: 'Use one of them.',
  },
  not_acceptable: {
    when: 'The `Accept` header of a read rules out `application/json`, or that of `/me/events` rules out `text/event-stream`. Parameters of a media type do not count, except `q`.',
    remedy: 'Accept that type, or leave the header out.',
  },
  patch_test_failed: {
    when: 'A `test` operation of the JSON Patch did not hold. Nothing was changed.',
    remedy: 'Read again, decide again, send a new patch.',
  },
  metadata_not_an_object: {
    when: 'The tenant holds a text, a list, a number or a boolean as `user_metadata`, which something other than this service has put there, such as a mapping of SAML attributes. There are no keys to read, and nothing that could be merged into.',
    remedy:
      'PUT `/me/metadata` replaces it, DELETE `/me/metadata` removes it. For the operator: find out what writes it, or it comes back with the next login. `app_metadata` of the same user is readable all the same.',
  },
  precondition_failed: {
    when: '`If-Match` does not name the state of the resource, or the `If-None-Match` of a write does. Nothing was changed.',
    remedy:
      'The answer carries the stored state as `current` and its tag as `ETag`: apply the change to that and repeat with the new tag, without another read. A token without the scope to read gets neither.',
  },
  body_too_large: {
    when: 'The body is larger than any document may be (100 KiB, or twice `USER_METADATA_MAX_BYTES` if that is more).',
    remedy: 'Send less. Files belong elsewhere; keep their address in the metadata.',
  },
  metadata_too_large: {
    when: 'The document would have more bytes, keys or levels than the limits allow, at the end or after any operation of a JSON Patch; the body holds an object with more members than that, those it removes included; or the operations of a JSON Patch together cost too much work (`errors[].code` is `patch_too_costly`). A document that is already too large may still shrink. With `refused_by_tenant` in `errors`, Auth0 itself answered 413: the whole profile is too large.',
    remedy:
      'Remove something first. `Metadata-Quota` on every read and write says how much is used. Send a patch that costs too much in parts, or PUT the result.',
  },
  media_type_unsupported: {
    when: 'The `Content-Type` is not one that the resource reads (`Accept-Patch` or `Accept` lists them), or its charset or content coding is not.',
    remedy:
      'PATCH takes `application/merge-patch+json`, `application/json` and `application/json-patch+json`; PUT takes `application/json`. Content codings are listed in `Accept-Encoding`.',
  },
  metadata_invalid: {
    when: 'The body would add a name or text that cannot be stored, or holds a number or a member that would not be kept as it is written (`number_not_exact`, `number_too_large`, `name_duplicate`; the pointer is one within the body); its root is no object, it puts `null` at the first level of a replacement, or the result would violate the operator’s schema in a way that the stored document did not. `errors` names each place by JSON Pointer, rule and sentence. With `refused_by_tenant` in `errors`, Auth0 itself does not accept the document (400 or 409), regardless of the schema. Nothing was changed.',
    remedy:
      'Show each `detail` beside the field its `pointer` names. The schema is at `/schemas/user-metadata`.',
  },
  patch_not_applicable: {
    when: 'The body is no JSON Patch, or one of its operations points at what is not there. Nothing was changed.',
    remedy: 'Correct the operation that `errors` points at. A merge patch has no such failures.',
  },
  precondition_required: {
    when: 'The service runs with `REQUIRE_IF_MATCH=true` and the write carries neither `If-Match` nor `If-None-Match`.',
    remedy: 'Send `If-Match` with the `ETag` of the last read or write.',
  },
  misdirected_request: {
    when: 'The service runs with `PUBLIC_URL`, and the `Host` header (behind a trusted proxy `X-Forwarded-Host`) names none of the hosts listed there. Probes of `/livez` and `/readyz` are answered anyway.',
    remedy:
      'Call the service by one of its addresses. If the host is right, add it to `PUBLIC_URL`; if the proxy replaces `Host`, let it pass the host on and list the proxy in `TRUSTED_PROXIES`.',
  },
  rate_limited: {
    when: 'The user has sent more reads or writes within a minute than `USER_READS_PER_MINUTE` or `USER_WRITES_PER_MINUTE` allow (a read with `Cache-Control: no-cache` counts as a write); or the address has sent more refused tokens and proofs than `AUTH_FAILURES_PER_MINUTE`; or the user has five streams of `/me/events` open already, or the process has as many as it can hold; or the user has used 5,000 DPoP proofs within two and a half minutes, or all users together as many as the process can remember. Nothing of the request was looked at, and Auth0 was not asked.',
    remedy:
      'Wait as long as `Retry-After` says. `RateLimit` on every answer tells how many requests are left: slow down before there are none. One stream for each tab is enough. For the operator: where many users share one address and it is refused, look for an app that goes on sending an expired token.',
  },
  headers_too_large: {
    when: 'Request line and headers are larger than 16 KiB together, or there are more than 100 headers.',
    remedy: 'Look for what grew: cookies of the site, or a token with very many permissions.',
  },
  internal: {
    when: 'A fault of this service. Nothing of it is shown; the log line with the same `request_id` has it.',
    remedy: 'Report the `request_id` to the operator.',
  },
  upstream_refused: {
    when: 'Auth0 refused this service, for a 401 or 403 also after a new token: wrong or expired credentials, or a scope that the machine client lacks. Never the caller’s fault.',
    remedy: 'For the operator: run the configuration check, which names what is missing.',
  },
  upstream_malformed: {
    when: 'Auth0, or something between, sent an answer that cannot be used, or one about another user. With `outcome: "unknown"` the change may have been applied.',
    remedy: 'Repeat a read. After a write with an unknown outcome, read before repeating.',
  },
  upstream_rate_limited: {
    when: 'The tenant’s request budget is used up for longer than `UPSTREAM_WAIT_MS`, or Auth0 answered 429 up to the deadline, and there was no copy to serve. A write with this code was not applied.',
    remedy:
      'Wait as long as `Retry-After` says. For the operator: set `UPSTREAM_BUDGET` to the plan, and find out who else spends the budget.',
  },
  upstream_unavailable: {
    when: 'Auth0 cannot be reached, fails, or has failed so often that it is left alone for two seconds. With `outcome: "unknown"` the change may have been applied.',
    remedy:
      'Wait as long as `Retry-After` says. After a write with an unknown outcome, read before repeating.',
  },
  keys_unavailable: {
    when: 'The issuer’s signing keys cannot be fetched and none that would do is held, so that no token can be judged. It is not a 401, because the user need not log in again.',
    remedy: 'Repeat after `Retry-After`.',
  },
  lock_unavailable: {
    when: 'Writes of one user are made one after another, on all replicas. Within `UPSTREAM_WAIT_MS` the turn of this one did not come: another write of the user is under way, an earlier one may still be applied, or Redis does not answer. Nothing was changed.',
    remedy:
      'Repeat after `Retry-After`. For the operator: if it lasts, see [Redis is down](operations.md#redis-is-down); `WRITE_WITHOUT_LOCK` decides what happens while Redis is silent.',
  },
  draining: {
    when: 'A stream of `/me/events` was asked for while the process is shutting down.',
    remedy: 'Connect again after `Retry-After`; a load balancer chooses another replica.',
  },
  upstream_timeout: {
    when: 'Auth0 did not answer within `UPSTREAM_TIMEOUT_MS`. For a write, `outcome: "unknown"` says that it may have been applied; what was cached of the user is dropped.',
    remedy:
      'Repeat a read. After a write, read before repeating; with `If-Match`, repeating is safe as it is.',
  },
};

/** In the order of the table, which is that of the status. */
const CODES = codesOf(PROBLEMS);

function codesOf<C extends string>(table: Readonly<Record<C, unknown>>): readonly C[] {
  return Object.keys(table).filter((code): code is C => Object.hasOwn(table, code));
}

function errorTable(): string {
  const rows = CODES.map((code) => {
    const { status, title } = PROBLEMS[code];
    return `| ${status} | [\`${code}\`](#${code}) | ${title} |`;
  });
  return `${['| status | code | title |', '| --- | --- | --- |', ...rows].join('\n')}\n`;
}

/** Characters of a line of prose, as `.markdownlint-cli2.jsonc` has it. */
const MAX_LINE_LENGTH = 120;

/** Breaks a paragraph into lines at its spaces, and never within a code span or a link. */
export function wrap(paragraph: string): string {
  const words = paragraph.match(/(?:`[^`]*`|\[[^\]]*\]\([^)]*\)|\S)+/g) ?? [];
  const lines: string[] = [];
  for (const word of words) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= MAX_LINE_LENGTH) {
      lines[lines.length - 1] = `${line} ${word}`;
    } else lines.push(word);
  }
  return lines.join('\n');
}

/** The sections of `docs/errors.md`, one for each code. */
export function errorSections(): string {
  const sections = CODES.map((code) => {
    const { status, title } = PROBLEMS[code];
    const { when, remedy } = EXPLANATIONS[code];
    const paragraphs = [`**${status}** · ${title}`, when, `*What to do:* ${remedy}`].map(wrap);
    return [`### ${code}`, ...paragraphs].join('\n\n').concat('\n');
  });
  return sections.join('\n');
}

/** The service's own metrics as Prometheus sees them, those of optional features included. */
export async function metricsTable(): Promise<string> {
  const { health, redis, upstream, ...metrics } = createMetrics({ now: () => 0 });
  redis.registerRedis(() => true);
  upstream.registerBudget(new Map());
  health.registerKeyState(() => 'fresh');
  health.registerChecks([]);
  health.registerSseConnections(() => 0);
  health.registerChangeStream(() => 0);
  const text = await metrics.render();
  const rows = [...text.matchAll(/^# HELP (metadata_bff_\w+) (.*)\n# TYPE \w+ (\w+)/gm)].map(
    ([, name = '', help = '', type = '']) => `| \`${name}\` | ${type} | ${help} |`,
  );
  return `${['| metric | type | meaning |', '| --- | --- | --- |', ...rows].join('\n')}\n`;
}

function logEventTable(): string {
  const rows = Object.entries(LOG_EVENTS).map(([event, { level, fields, meaning }]) => {
    const names = fields.map((field) => `\`${field}\``).join(', ');
    return `| \`${event}\` | ${level} | ${names} | ${meaning} |`;
  });
  return `${['| event | level | fields | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')}\n`;
}

function getCommandSections(): string {
  const sections = getCommandNames().map(
    (name) => `\n## ${name}\n\n\`\`\`text\n${describeCommand(name).trimEnd()}\n\`\`\`\n`,
  );
  return `${sections.join('')}\n`;
}

/** What stands between the markers `<!-- NAME:begin -->` and `<!-- NAME:end -->`, by file and name. */
const PARTS: Readonly<Record<string, Readonly<Record<string, () => string | Promise<string>>>>> = {
  'docs/configuration.md': { configuration: getConfigurationTable },
  'docs/errors.md': { errors: errorTable, codes: errorSections },
  'docs/commands.md': { commands: getCommandSections },
  'docs/operations.md': { metrics: metricsTable, 'log-events': logEventTable },
};

/** `text` with `content` between the markers. @throws Error when it lacks them. */
export function withPart(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- ${name}:begin -->\n`, `<!-- ${name}:end -->`];
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the markers of ${name} are missing`);
  return `${text.slice(0, from + begin.length)}${content}${text.slice(to)}`;
}

/** Each generated file as it should be, by its path below the project's root. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const root = packageRoot(import.meta.dirname);
  const files = new Map([['.env.example', getEnvExample()]]);
  for (const [path, parts] of Object.entries(PARTS)) {
    let text = readFileSync(join(root, path), 'utf8');
    for (const [name, make] of Object.entries(parts)) text = withPart(text, name, await make());
    files.set(path, text);
  }
  return files;
}

// scripts/run.js runs this file; a test that imports it wants to look only.
if (basename(process.argv[1] ?? '') === 'run.js') {
  const root = packageRoot(import.meta.dirname);
  for (const [path, text] of await generatedFiles()) writeFileSync(join(root, path), text);
}
