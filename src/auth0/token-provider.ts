/**
 * The Management API token: fetched by client credentials, cached until shortly before it expires, with one request in
 * flight for any number of waiting callers.
 */
import { decodeJwt, importPKCS8, SignJWT } from 'jose';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';
import type { HttpClient } from '../lib/http-client.ts';
import { parseJsonText } from '../lib/json.ts';
import { createSingleFlight } from '../lib/promises.ts';
import { toMalformedError, withTransportErrors, toStatusError } from './errors.ts';

// Client authentication at the token endpoint: a shared secret, or a signed assertion (RFC 7523, `private_key_jwt`).
// Neither ever appears in an error.

export type ClientCredentials =
  | { readonly kind: 'secret'; readonly secret: string }
  | { readonly kind: 'private_key'; readonly pem: string; readonly algorithm: string };

/** The form fields that authenticate one token request. */
type ClientAuthentication = () => Promise<Readonly<Record<string, string>>>;

/** Auth0 refuses assertions that live longer than five minutes, and recommends one at most. */
const ASSERTION_SECONDS = 60;

export function createClientAuthentication(
  { clock }: { readonly clock: Clock },
  options: {
    readonly clientId: string;
    readonly credentials: ClientCredentials;
    /** The tenant's issuer with its trailing slash, which Auth0 demands as `aud`. */
    readonly assertionAudience: string;
  },
): ClientAuthentication {
  const { clientId, credentials, assertionAudience } = options;
  if (credentials.kind === 'secret') return async () => ({ client_secret: credentials.secret });
  const key = importPKCS8(credentials.pem, credentials.algorithm);
  // A key that cannot be read rejects each use. It must not end the process before the first use.
  key.catch(() => undefined);
  return async () => {
    const now = Math.floor(clock.now() / 1000);
    const assertion = await new SignJWT({})
      .setProtectedHeader({ alg: credentials.algorithm })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(assertionAudience)
      .setIssuedAt(now)
      .setExpirationTime(now + ASSERTION_SECONDS)
      .setJti(randomUUID())
      .sign(await key);
    return {
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    };
  };
}

export interface ManagementToken {
  readonly value: string;
  /** Granted scopes; undefined where the tenant does not say. */
  readonly scopes: readonly string[] | undefined;
}

export interface TokenProvider {
  /** @returns a token that is not about to expire. @throws AppError with an `upstream_*` code. */
  getToken(): Promise<ManagementToken>;
  /** Drops this token, because the tenant did not accept it. The next call fetches a new one. */
  invalidate(token: ManagementToken): void;
  /** Whether the last attempt to get a token succeeded. Makes no request. */
  isHealthy(): boolean;
}

interface Dependencies {
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly authentication: ClientAuthentication;
}

interface TokenProviderOptions {
  readonly tokenUrl: string;
  readonly clientId: string;
  /** The Management API identifier, with its trailing slash. */
  readonly audience: string;
}

interface CachedToken {
  readonly token: ManagementToken;
  readonly renewAt: number;
  readonly endsAt: number;
}

/** `scope` is optional: the documentation shows it, recorded answers sometimes lack it. */
const answerSchema = z.object({
  access_token: z.string().min(1),
  expires_in: z.number().positive(),
  token_type: z.string().regex(/^bearer$/i),
  scope: z.string().optional(),
});

const RENEW_MARGIN_MS = 60_000;
const RETRY_MS = 2_000;
const OPERATION = { name: 'oauth.token', isWrite: false };

export function createTokenProvider(
  { http, clock, authentication }: Dependencies,
  { tokenUrl, clientId, audience }: TokenProviderOptions,
): TokenProvider {
  let healthy = false;
  let cached: CachedToken | undefined;

  const renew = createSingleFlight(async () => {
    try {
      cached = await fetchToken();
      healthy = true;
      return cached.token;
    } catch (error) {
      healthy = false;
      if (!cached || clock.now() >= cached.endsAt) throw error;
      // Renewal is early, so the cached token is still valid when a renewal fails.
      cached = { ...cached, renewAt: clock.now() + RETRY_MS };
      return cached.token;
    }
  });

  async function fetchToken(): Promise<CachedToken> {
    const askedAt = clock.now();
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      audience,
      ...(await authentication()),
    });
    const response = await withTransportErrors(
      () =>
        http.send({
          method: 'POST',
          url: tokenUrl,
          operation: OPERATION.name,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: form.toString(),
        }),
      OPERATION,
    );
    if (response.status !== 200) throw toStatusError(response, OPERATION, clock.now());
    const answer = parseJsonText(response.text, answerSchema);
    if (!answer) throw toMalformedError(response, OPERATION);
    const scope = answer.scope ?? readScopeClaim(answer.access_token);
    const token = { value: answer.access_token, scopes: scope?.split(' ').filter(Boolean) };
    const lifetimeMs = answer.expires_in * 1000;
    // A token shorter than twice the margin is used for half of its life.
    const renewAt = askedAt + Math.max(lifetimeMs / 2, lifetimeMs - RENEW_MARGIN_MS);
    return { token, renewAt, endsAt: askedAt + lifetimeMs };
  }

  return {
    async getToken() {
      if (cached && clock.now() < cached.renewAt) return cached.token;
      return renew();
    },
    invalidate(token) {
      if (cached?.token === token) cached = undefined;
    },
    isHealthy: () => healthy,
  };
}

/** Reads the granted scopes from the token itself. Not verified: the tenant issued it a moment ago. */
function readScopeClaim(token: string): string | undefined {
  try {
    const { scope } = decodeJwt(token);
    return typeof scope === 'string' ? scope : undefined;
  } catch {
    return undefined;
  }
}
