/**
 * `/api/v2/users/{id}`: a drop-in for code that calls the Management API with a user's token (auth0.js
 * `Management`, the edit-profile widget). Only the base URL changes; `{id}` must be the caller.
 */
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Caller } from '../../identity/caller.ts';
import { AppError } from '../../lib/app-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts';
import type { Profile, Subject } from '../../metadata/ports.ts';
import type { MetadataService } from '../../metadata/service.ts';
import { renderAuth0Error } from '../errors.ts';
import type { BodyReader } from '../body.ts';
import { parsePreconditions, parseFieldSelection, wantsRevalidation } from '../request-options.ts';
import type { Guard } from '../middleware/authorize.ts';
import { getContext } from '../middleware/request-context.ts';
import { sendNothing, sendRead, sendWritten } from '../response.ts';
import type { ScopeNames } from './index.ts';
import { type PartialScopes, type Route, createRoute } from './route.ts';
import { createOnSent } from '../middleware/audit.ts';

interface Dependencies {
  readonly service: MetadataService;
  readonly guard: Guard;
  readonly bodies: BodyReader;
}

export interface CompatRoutesOptions {
  readonly scopes: Pick<ScopeNames, 'readMetadata' | 'updateMetadata'>;
  /** Scopes that open some keys. */
  readonly partial: PartialScopes;
  /** Beside the scope of the route; undefined where the policy lists nothing of `app_metadata`. */
  readonly appMetadataScope: string | undefined;
}

export const READ_SCOPES = ['read:current_user'];
export const UPDATE_SCOPES = ['update:current_user_metadata', 'create:current_user_metadata'];

/** `{}` means "remove everything" upstream, and is nearly always a mistake; it is refused here. */
export const compatPatchSchema = z.strictObject({
  user_metadata: z
    .custom<JsonObject>((value) => isJsonObject(value) && Object.keys(value).length > 0)
    .meta({ type: 'object', minProperties: 1, description: '`null` removes a key.' }),
});

/** Also where no resource is found. */
const AUTH0_ERROR_FORMAT: Route = {
  path: '/api/v2',
  below: true,
  answer(req, _res, next) {
    getContext(req).renderError = renderAuth0Error;
    next();
  },
};

export function createCompatRoutes(
  { service, guard, bodies }: Dependencies,
  { scopes: general, partial, appMetadataScope }: CompatRoutesOptions,
): readonly Route[] {
  /** The caller with the general scopes that its scopes of the Management API stand for, and with no others. */
  function toSubject(caller: Caller): Subject {
    const scopes = new Set(caller.scopes);
    for (const [own, accepted] of [
      [general.readMetadata, READ_SCOPES],
      [general.updateMetadata, UPDATE_SCOPES],
    ] as const) {
      if (accepted.some((scope) => caller.scopes.has(scope))) scopes.add(own);
      else scopes.delete(own);
    }
    return { ...caller, scopes };
  }

  function toUser({ userId, scopes }: Caller, { userMetadata, appMetadata, updatedAt }: Profile): JsonObject {
    return {
      user_id: userId,
      user_metadata: userMetadata,
      ...(appMetadataScope !== undefined && scopes.has(appMetadataScope)
        ? { app_metadata: appMetadata }
        : {}),
      ...(updatedAt === undefined ? {} : { updated_at: updatedAt }),
    };
  }

  async function readUser(req: Request, res: Response, caller: Caller) {
    assertSelf(req, caller);
    const project = parseFieldSelection(req);
    const read = await service.read(toSubject(caller), { revalidate: wantsRevalidation(req) });
    sendRead(req, res, project(toUser(caller, read.value)), read);
  }

  async function patchUser(req: Request, res: Response, caller: Caller) {
    assertSelf(req, caller);
    const terms = { preconditions: parsePreconditions(req), onSent: createOnSent(req) };
    const { value } = await bodies.read(req, res, ['application/json']);
    const changes = parseUserMetadata(value);
    const subject = toSubject(caller);
    const profile = await service.mergeRoot(subject, changes, terms);
    if (service.getAccess(subject).readsNothing) sendNothing(res);
    else sendWritten(res, toUser(caller, profile), false);
  }

  const users = createRoute('/api/v2/users/:id', {
    GET: guard(READ_SCOPES, readUser, partial.read),
    PATCH: guard(UPDATE_SCOPES, patchUser, partial.update),
  });
  return [AUTH0_ERROR_FORMAT, withAnyId(users)];
}

/**
 * The same resource for ids of any form. A route with a parameter would end the id at its first `/`, and refuse an id
 * whose `%` is no escape.
 */
function withAnyId(users: Route): Route {
  return {
    path: '/api/v2/users',
    below: true,
    answer(req, res, next) {
      const id = getWrittenId(req);
      const isOther = id.includes('/') && !['GET', 'HEAD', 'PATCH'].includes(req.method);
      // Something below a user, such as POST to its identities: there is no such resource here.
      if (id === '' || isOther) return next();
      return users.answer(req, res, next);
    },
  };
}

/** The id as the address has it, without a leading slash. `path` is what follows `/api/v2/users`. */
const getWrittenId = ({ path }: Request): string => path.slice(1);

function assertSelf(req: Request, { userId }: Caller): void {
  const written = getWrittenId(req);
  if (isOwnId(userId, written)) return;
  if (written.includes('/')) throw new AppError('route_not_found', 'There is no resource at this address.');
  throw new AppError('user_mismatch', 'A caller can reach their own user only.');
}

/**
 * Whether `written` is the id encoded, the id as it is, or the id as a browser writes it: auth0.js and the edit-profile
 * widget append the raw id to an address, and the URL parser (WHATWG) then encodes some characters and not others, so
 * that a `%` of the id looks like an escape. It is compared with the caller's own id only.
 */
function isOwnId(userId: string, written: string): boolean {
  if (written === userId || decode(written) === userId) return true;
  const base = 'http://localhost/';
  return new URL(base + userId).href === base + written;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function parseUserMetadata(body: JsonValue): JsonObject {
  if (isJsonObject(body)) {
    const others = Object.keys(body).filter((key) => key !== 'user_metadata');
    if (others.length > 0) {
      throw new AppError('key_read_only', `You cannot update the following fields: ${others.join(', ')}`);
    }
  }
  const result = compatPatchSchema.safeParse(body);
  if (!result.success) {
    throw new AppError(
      'metadata_invalid',
      'Payload validation error: user_metadata must be an object with at least one property.',
    );
  }
  return result.data.user_metadata;
}
