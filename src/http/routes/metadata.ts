/** `/me/metadata` and `/me/metadata/{key}`: the caller's own `user_metadata`. */
import type { Request, Response } from 'express';
import type { Caller } from '../../identity/caller.ts';
import { AppError } from '../../lib/app-error.ts';
import { isJsonObject, type JsonValue } from '../../lib/json.ts';
import type { Access } from '../../metadata/policy.ts';
import { represent } from '../../metadata/representation.ts';
import { getKeyValue, type MetadataService, type VisibleProfile } from '../../metadata/service.ts';
import type { BodyReader } from '../body.ts';
import {
  parsePreconditions,
  prefersMinimal,
  parseFieldSelection,
  wantsRevalidation,
} from '../request-options.ts';
import type { CallerHandler, Guard } from '../middleware/authorize.ts';
import { addStaleClaims, assertAcceptsJson, sendNothing, sendRead, sendWritten } from '../response.ts';
import { type PartialScopes, type Route, createRoute } from './route.ts';
import { createOnSent } from '../middleware/audit.ts';

const JSON_TYPES = ['application/json'];
const JSON_PATCH_TYPE = 'application/json-patch+json';
const PATCH_TYPES = ['application/merge-patch+json', 'application/json', JSON_PATCH_TYPE];

interface Dependencies {
  readonly service: MetadataService;
  readonly guard: Guard;
  readonly bodies: BodyReader;
}

export interface MetadataRoutesOptions {
  readonly readScope: string;
  readonly updateScope: string;
  /** Scopes that open some keys. */
  readonly partial: PartialScopes;
  /** Whether a write must carry `If-Match` or `If-None-Match`. */
  readonly requireIfMatch: boolean;
}

export function createMetadataRoutes(
  { service, guard, bodies }: Dependencies,
  { readScope, updateScope, partial, requireIfMatch }: MetadataRoutesOptions,
): readonly Route[] {
  function parseTerms(req: Request) {
    const preconditions = parsePreconditions(req);
    if (requireIfMatch && preconditions.length === 0) {
      throw new AppError('precondition_required', 'Send If-Match with the ETag of what you read.');
    }
    const onRefused = (known: Pick<VisibleProfile, 'staleClaims'>) => addStaleClaims(req, known);
    return { preconditions, onSent: createOnSent(req), onRefused };
  }

  const read = (handle: CallerHandler) => guard(readScope, handle, partial.read);
  const write = (handle: CallerHandler) => guard(updateScope, handle, partial.update);

  function getQuota({ counted }: VisibleProfile) {
    return { 'Metadata-Quota': `limit=${service.limits.maxBytes}, used=${represent(counted).bytes}` };
  }

  /**
   * Answers a write with what is stored now, the whole or one key of it. A caller who may not read it gets nothing of
   * it, and not its tag either: that is a hash, so it confirms a guess.
   */
  function sendResult(
    req: Request,
    res: Response,
    caller: Caller,
    profile: VisibleProfile,
    key?: string,
  ): void {
    addStaleClaims(req, profile);
    const quota = getQuota(profile);
    const access = service.getAccess(caller);
    const { userMetadata } = profile;
    const isShown = key === undefined ? !access.readsNothing : access.isReadable(key);
    if (!isShown) sendNothing(res, quota);
    else {
      const value = key === undefined ? userMetadata : getKeyValue(userMetadata, key);
      sendWritten(res, value, prefersMinimal(req), quota);
    }
  }

  function sendRemoved(req: Request, res: Response, profile: VisibleProfile): void {
    addStaleClaims(req, profile);
    sendNothing(res, getQuota(profile));
  }

  async function readProfile(req: Request, caller: Caller) {
    const found = await service.read(caller, { revalidate: wantsRevalidation(req) });
    addStaleClaims(req, found.value);
    return found;
  }

  async function readDocument(req: Request, res: Response, caller: Caller) {
    assertAcceptsJson(req);
    const project = parseFieldSelection(req);
    const found = await readProfile(req, caller);
    sendRead(req, res, project(found.value.userMetadata), found, getQuota(found.value));
  }

  async function patchDocument(req: Request, res: Response, caller: Caller) {
    const terms = parseTerms(req);
    const { mediaType, value } = await bodies.read(req, res, PATCH_TYPES);
    const isJsonPatch = mediaType === JSON_PATCH_TYPE;
    if (isJsonPatch) assertAsksNothing(value, service.getAccess(caller), readScope);
    const profile = isJsonPatch
      ? await service.applyPatch(caller, value, terms)
      : await service.patch(caller, value, terms);
    sendResult(req, res, caller, profile);
  }

  async function replaceDocument(req: Request, res: Response, caller: Caller) {
    const terms = parseTerms(req);
    const { value } = await bodies.read(req, res, JSON_TYPES);
    sendResult(req, res, caller, await service.replace(caller, value, terms));
  }

  async function removeDocument(req: Request, res: Response, caller: Caller) {
    const terms = parseTerms(req);
    sendRemoved(req, res, await service.remove(caller, terms));
  }

  async function readKey(req: Request, res: Response, caller: Caller) {
    assertAcceptsJson(req);
    const found = await readProfile(req, caller);
    const value = getKeyValue(found.value.userMetadata, getKey(req));
    sendRead(req, res, value, found, getQuota(found.value));
  }

  async function replaceKey(req: Request, res: Response, caller: Caller) {
    const terms = parseTerms(req);
    const { value } = await bodies.read(req, res, JSON_TYPES);
    const key = getKey(req);
    sendResult(req, res, caller, await service.replaceKey(caller, key, value, terms), key);
  }

  async function removeKey(req: Request, res: Response, caller: Caller) {
    const terms = parseTerms(req);
    sendRemoved(req, res, await service.removeKey(caller, getKey(req), terms));
  }

  return [
    createRoute(
      '/me/metadata',
      {
        GET: read(readDocument),
        PUT: write(replaceDocument),
        PATCH: write(patchDocument),
        DELETE: write(removeDocument),
      },
      PATCH_TYPES,
    ),
    createRoute('/me/metadata/:key', {
      GET: read(readKey),
      PUT: write(replaceKey),
      DELETE: write(removeKey),
    }),
  ];
}

function getKey(req: Request): string {
  const { key } = req.params;
  return typeof key === 'string' ? key : '';
}

/** Operations of a JSON Patch that ask for what is stored, and those that take it to another place. */
const ASKING = new Set<unknown>(['test']);
const TAKING = new Set<unknown>(['test', 'copy', 'move']);

/**
 * Where a caller may change what it may not read, a `test` is a question about it. A `copy` or `move` would bring it to
 * a place that the caller may read, if there is any.
 * @throws AppError `scope_missing`.
 */
function assertAsksNothing(patch: JsonValue, access: Access, scope: string): void {
  if (!access.writesUnseen || !Array.isArray(patch)) return;
  const asking = access.readsNothing ? ASKING : TAKING;
  const found = patch.find((operation) => isJsonObject(operation) && asking.has(operation['op']));
  if (found === undefined) return;
  throw new AppError(
    'scope_missing',
    `A ${String(found.op)} reads what is stored: the access token lacks the scope ${scope}.`,
    { scope },
  );
}
