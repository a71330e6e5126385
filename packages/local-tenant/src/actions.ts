/**
 * Post-login Actions (Auth0, "Actions Triggers: post-login"): code that runs at each login and each use of a refresh
 * token, adds claims to the tokens, changes metadata, asks for a second factor, or refuses. All Actions of a flow see the
 * user as it was before; their metadata changes are one write at the end, also if one of them refuses.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { compileFunction, constants } from 'node:vm';
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import type { PostLoginApi, PostLoginEvent, PostLoginFunction, TenantAction } from './post-login-action.ts';
import { toUserWrite } from './user-patch.ts';
import type { StoredUser, UserStore } from './user-store.ts';

export interface ActionsOutcome {
  readonly accessTokenClaims: JsonObject;
  readonly idTokenClaims: JsonObject;
  /** The reason for which access is refused. */
  readonly denied: string | undefined;
  readonly needsSecondFactor: boolean;
}

export interface Actions {
  /** Runs all Actions, one after the other. Rejects with what an Action throws. */
  run(
    user: StoredUser,
    event: Omit<PostLoginEvent, 'user' | 'stats' | 'tenant' | 'secrets'>,
  ): Promise<ActionsOutcome>;
}

/** Claims that an Action cannot set ("Create Custom Claims"). As at Auth0, the attempt has no effect. */
const RESTRICTED_CLAIMS = new Set(
  `acr act active amr at_hash ath attest aud auth_time authorization_details azp c_hash client_id cnf cty dest
  entitlements events exp groups gty htm htu iat internalService iss jcard jku jti jwe jwk kid may_act mky nbf nonce
  object_id org_id org_name orig origid permissions roles rph s_hash scope sid sip_callid sip_cseq_num sip_date
  sip_from_tag sip_via_branch sub sub_jwk toe txn typ uuid vot vtm x5t#S256`.split(/\s+/),
);

interface LoadedAction {
  readonly execute: PostLoginFunction;
  readonly secrets: Readonly<Record<string, string>>;
}

/** Loads the Actions. @throws TypeError or SyntaxError for a source text without `onExecutePostLogin`. */
export function createActions(actions: readonly TenantAction[], users: UserStore): Actions {
  const loaded = actions.map((action, index) => loadAction(action, index + 1));
  const loginsByUser = new Map<string, number>();

  function countLogins(userId: string, isLogin: boolean): number {
    const count = (loginsByUser.get(userId) ?? 0) + (isLogin ? 1 : 0);
    loginsByUser.set(userId, count);
    return count;
  }

  return {
    async run(user, facts) {
      const effects = createEffects();
      const { user_metadata: userMetadata, app_metadata: appMetadata } = user;
      const event = {
        ...facts,
        user: {
          ...user,
          user_metadata: isJsonObject(userMetadata) ? userMetadata : {},
          app_metadata: isJsonObject(appMetadata) ? appMetadata : {},
        },
        stats: {
          logins_count: countLogins(user.user_id, facts.transaction.protocol !== 'oauth2-refresh-token'),
        },
        tenant: { id: 'local' },
      };
      try {
        for (const { execute, secrets } of loaded) {
          await execute(structuredClone({ ...event, secrets }), effects.api);
          if (effects.outcome().denied !== undefined) break;
        }
      } finally {
        const patch = effects.metadata();
        if (Object.keys(patch).length > 0) users.write(user.user_id, toUserWrite(user, patch));
      }
      return effects.outcome();
    },
  };
}

function loadAction(action: TenantAction, position: number): LoadedAction {
  const { code, secrets = {} } = typeof action === 'object' ? action : { code: action };
  if (typeof code === 'function') return { execute: code, secrets };
  const exports: { onExecutePostLogin?: PostLoginFunction } = {};
  const source = compileFunction(code, ['exports', 'require', 'module'], {
    filename: `action-${position}.js`,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const module = { exports };
  // The packages that an Action requires are those of the project that starts the tenant.
  source(exports, createRequire(join(process.cwd(), 'action.js')), module);
  const { onExecutePostLogin: execute } = module.exports;
  if (typeof execute !== 'function') {
    throw new TypeError(`Action ${position} does not export onExecutePostLogin`);
  }
  return { execute, secrets };
}

function createClaimSetter(claims: Map<string, JsonValue>) {
  return (name: string, value: unknown): void => {
    const copy = toJson(value);
    if (copy !== undefined && !RESTRICTED_CLAIMS.has(name)) claims.set(name, copy);
  };
}

function createEffects() {
  const accessTokenClaims = new Map<string, JsonValue>();
  const idTokenClaims = new Map<string, JsonValue>();
  const metadata = {
    user_metadata: new Map<string, JsonValue>(),
    app_metadata: new Map<string, JsonValue>(),
  };
  let denied: string | undefined;
  let needsSecondFactor = false;

  const setMetadata = (name: keyof typeof metadata) => (key: string, value: unknown) => {
    metadata[name].set(key, toJson(value) ?? null);
  };
  const requireSecondFactor = () => {
    needsSecondFactor = true;
  };
  const api: PostLoginApi = {
    access: {
      deny(reason) {
        denied ??= reason;
      },
    },
    accessToken: { setCustomClaim: createClaimSetter(accessTokenClaims) },
    idToken: { setCustomClaim: createClaimSetter(idTokenClaims) },
    user: { setUserMetadata: setMetadata('user_metadata'), setAppMetadata: setMetadata('app_metadata') },
    multifactor: {
      enable(provider) {
        needsSecondFactor = provider !== 'none';
      },
    },
    authentication: { challengeWith: requireSecondFactor, challengeWithAny: requireSecondFactor },
  };
  return {
    api,
    /** The metadata changes, as a PATCH of the Management API would have them. */
    metadata: () =>
      Object.fromEntries(
        Object.entries(metadata)
          .filter(([, changes]) => changes.size > 0)
          .map(([name, changes]) => [name, Object.fromEntries(changes)]),
      ),
    outcome: (): ActionsOutcome => ({
      accessTokenClaims: Object.fromEntries(accessTokenClaims),
      idTokenClaims: Object.fromEntries(idTokenClaims),
      denied,
      needsSecondFactor,
    }),
  };
}

/** A copy of the value as JSON has it; undefined for what JSON cannot express. */
function toJson(value: unknown): JsonValue | undefined {
  const text: string | undefined = JSON.stringify(value);
  return text === undefined ? undefined : JSON.parse(text);
}
