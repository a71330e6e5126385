/**
 * The Management API token: fetched by client credentials, kept until shortly before it ends, one request
 * in flight whatever the number of those who wait.
 */
import { decodeJwt, importPKCS8, SignJWT } from 'jose';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';
import type { HttpClient } from '../lib/http-client.ts';
import { parseJsonText } from '../lib/json.ts';
import { createSingleFlight } from '../lib/promises.ts';
import { malformedError, sending, statusError } from './errors.ts';

// How this service proves itself at the token endpoint: with a shared secret, or with a signed assertion
// (RFC 7523, `private_key_jwt`). Neither ever appears in an error.

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
  // A key that cannot be read rejects each use; it must not end the process before the first one.
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
  /** A token that is good for a while. @throws AppError with an `upstream_*` code. */
  token(): Promise<ManagementToken>;
  /** Says that the tenant did not accept this token, so that the next call fetches another. */
  reject(token: ManagementToken): void;
  /** Whether the last attempt to get a token succeeded. Asks nobody. */
  healthy(): boolean;
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

interface Held {
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

const RENEW_BEFORE_MS = 60_000;
const RETRY_MS = 2_000;
const OPERATION = { name: 'oauth.token', changes: false };

export function createTokenProvider(
  { http, clock, authentication }: Dependencies,
  { tokenUrl, clientId, audience }: TokenProviderOptions,
): TokenProvider {
  let healthy = false;
  let held: Held | undefined;

  const renew = createSingleFlight(async () => {
    try {
      held = await fetchToken();
      healthy = true;
      return held.token;
    } catch (error) {
      healthy = false;
      if (!held || clock.now() >= held.endsAt) throw error;
      // Renewal is early, so that a failure of it can be sat out on what is held.
      held = { ...held, renewAt: clock.now() + RETRY_MS };
      return held.token;
    }
  });

  async function fetchToken(): Promise<Held> {
    const askedAt = clock.now();
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      audience,
      ...(await authentication()),
    });
    const response = await sending(
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
    if (response.status !== 200) throw statusError(response, OPERATION, clock.now());
    const answer = parseJsonText(response.text, answerSchema);
    if (!answer) throw malformedError(response, OPERATION);
    const scope = answer.scope ?? scopeClaim(answer.access_token);
    const token = { value: answer.access_token, scopes: scope?.split(' ').filter(Boolean) };
    const lifetimeMs = answer.expires_in * 1000;
    // A token shorter than twice the margin is used for half of its life.
    const renewAt = askedAt + Math.max(lifetimeMs / 2, lifetimeMs - RENEW_BEFORE_MS);
    return { token, renewAt, endsAt: askedAt + lifetimeMs };
  }

  return {
    async token() {
      if (held && clock.now() < held.renewAt) return held.token;
      return renew();
    },
    reject(token) {
      if (held?.token === token) held = undefined;
    },
    healthy: () => healthy,
  };
}

/** The grant as the token itself names it, unverified: it came from the tenant a moment ago. */
function scopeClaim(token: string): string | undefined {
  try {
    const { scope } = decodeJwt(token);
    return typeof scope === 'string' ? scope : undefined;
  } catch {
    return undefined;
  }
}
