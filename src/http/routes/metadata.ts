/** `/me/metadata` and `/me/metadata/{key}`: the caller's own `user_metadata`. */
import type { Request, Response } from 'express';
import type { Caller } from '../../identity/caller.ts';
import { AppError } from '../../lib/app-error.ts';
import type { JsonObject } from '../../lib/json.ts';
import { represent } from '../../metadata/representation.ts';
import { getKeyValue, type MetadataService } from '../../metadata/service.ts';
import type { BodyReader } from '../body.ts';
import {
  parsePreconditions,
  prefersMinimal,
  parseFieldSelection,
  wantsRevalidation,
} from '../request-options.ts';
import type { Guard } from '../middleware/authorize.ts';
import { assertAcceptsJson, createReadBack, sendNothing, sendRead, sendWritten } from '../response.ts';
import { type Route, createRoute } from './route.ts';
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
  /** Whether a write must carry `If-Match` or `If-None-Match`. */
  readonly requireIfMatch: boolean;
}

export function createMetadataRoutes(
  { service, guard, bodies }: Dependencies,
  { readScope, updateScope, requireIfMatch }: MetadataRoutesOptions,
): readonly Route[] {
  function parseTerms(req: Request) {
    const preconditions = parsePreconditions(req);
    if (requireIfMatch && preconditions.length === 0) {
      throw new AppError('precondition_required', 'Send If-Match with the ETag of what you read.');
    }
    return { preconditions, onSent: createOnSent(req) };
  }

  const readBack = createReadBack([readScope]);

  function getQuota(document: JsonObject) {
    return { 'Metadata-Quota': `limit=${service.limits.maxBytes}, used=${represent(document).bytes}` };
  }

  /** Answers a write with what is stored now, the whole or one key of it, as far as the caller may read it. */
  function sendResult(req: Request, res: Response, caller: Caller, document: JsonObject, key?: string): void {
    const quota = getQuota(document);
    if (!readBack.isAllowed(caller)) sendNothing(res, quota);
    else
      sendWritten(res, key === undefined ? document : getKeyValue(document, key), prefersMinimal(req), quota);
  }

  async function readDocument(req: Request, res: Response, caller: Caller) {
    assertAcceptsJson(req);
    const project = parseFieldSelection(req);
    const read = await service.read(caller, { revalidate: wantsRevalidation(req) });
    const { userMetadata } = read.value;
    sendRead(req, res, project(userMetadata), read, getQuota(userMetadata));
  }

  async function patchDocument(req: Request, res: Response, caller: Caller) {
    const terms = parseTerms(req);
    const { mediaType, value } = await bodies.read(req, res, PATCH_TYPES);
    const isJsonPatch = mediaType === JSON_PATCH_TYPE;
    if (isJsonPatch) readBack.assertMayTest(caller, value);
    const { userMetadata } = await readBack.guard(caller, () =>
      isJsonPatch ? service.applyPatch(caller, value, terms) : service.patch(caller, value, terms),
    );
    sendResult(req, res, caller, userMetadata);
  }

  async function replaceDocument(req: Request, res: Response, caller: Caller) {
    const terms = parseTerms(req);
    const { value } = await bodies.read(req, res, JSON_TYPES);
    const { userMetadata } = await readBack.guard(caller, () => service.replace(caller, value, terms));
    sendResult(req, res, caller, userMetadata);
  }

  async function removeDocument(req: Request, res: Response, caller: Caller) {
    const terms = parseTerms(req);
    const { userMetadata } = await readBack.guard(caller, () => service.remove(caller, terms));
    sendNothing(res, getQuota(userMetadata));
  }

  async function readKey(req: Request, res: Response, caller: Caller) {
    assertAcceptsJson(req);
    const read = await service.read(caller, { revalidate: wantsRevalidation(req) });
    const { userMetadata } = read.value;
    sendRead(req, res, getKeyValue(userMetadata, getKey(req)), read, getQuota(userMetadata));
  }

  async function replaceKey(req: Request, res: Response, caller: Caller) {
    const terms = parseTerms(req);
    const { value } = await bodies.read(req, res, JSON_TYPES);
    const key = getKey(req);
    const { userMetadata } = await readBack.guard(caller, () =>
      service.replaceKey(caller, key, value, terms),
    );
    sendResult(req, res, caller, userMetadata, key);
  }

  async function removeKey(req: Request, res: Response, caller: Caller) {
    const terms = parseTerms(req);
    const { userMetadata } = await readBack.guard(caller, () =>
      service.removeKey(caller, getKey(req), terms),
    );
    sendNothing(res, getQuota(userMetadata));
  }

  return [
    createRoute(
      '/me/metadata',
      {
        GET: guard(readScope, readDocument),
        PUT: guard(updateScope, replaceDocument),
        PATCH: guard(updateScope, patchDocument),
        DELETE: guard(updateScope, removeDocument),
      },
      PATCH_TYPES,
    ),
    createRoute('/me/metadata/:key', {
      GET: guard(readScope, readKey),
      PUT: guard(updateScope, replaceKey),
      DELETE: guard(updateScope, removeKey),
    }),
  ];
}

function getKey(req: Request): string {
  const { key } = req.params;
  return typeof key === 'string' ? key : '';
}
