/** `/me`, `/me/app-metadata` and `/me/policy`: the caller's profile, as far as this service shows it, to read only. */
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Caller } from '../../identity/caller.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { Profile } from '../../metadata/ports.ts';
import type { MetadataService } from '../../metadata/service.ts';
import { parseFieldSelection, wantsRevalidation } from '../request-options.ts';
import type { Guard } from '../middleware/authorize.ts';
import { type PartialScopes, type Route, createRoute } from './route.ts';
import { addStaleClaims, assertAcceptsJson, sendRead } from '../response.ts';

interface Dependencies {
  readonly service: MetadataService;
  readonly guard: Guard;
}

export interface ProfileRoutesOptions {
  readonly readScope: string;
  /** Scopes that open some keys. */
  readonly partial: PartialScopes;
  readonly appMetadataScope: string;
}

export const downloadQuery = z.object({
  download: z.enum(['1']).optional().meta({ description: 'Asks for the answer as a file to keep.' }),
});

const DOWNLOAD_HEADERS = { 'Content-Disposition': 'attachment; filename="my-profile.json"' };

export function createProfileRoutes(
  { service, guard }: Dependencies,
  { readScope, partial, appMetadataScope }: ProfileRoutesOptions,
): readonly Route[] {
  function toProfile(caller: Caller, { userMetadata, appMetadata, updatedAt }: Profile): JsonObject {
    return {
      sub: caller.userId,
      user_metadata: userMetadata,
      ...(caller.scopes.has(appMetadataScope) ? { app_metadata: appMetadata } : {}),
      ...(updatedAt === undefined ? {} : { updated_at: updatedAt }),
    };
  }

  async function readProfile(req: Request, res: Response, caller: Caller) {
    assertAcceptsJson(req);
    const project = parseFieldSelection(req);
    const read = await service.read(caller, { revalidate: wantsRevalidation(req) });
    addStaleClaims(req, read.value);
    // A person who asks for their data gets a file (data portability), not a page of text.
    const isDownload = req.url.includes('?') && downloadQuery.safeParse(req.query).data?.download === '1';
    const headers = isDownload ? DOWNLOAD_HEADERS : {};
    sendRead(req, res, project(toProfile(caller, read.value)), read, headers);
  }

  async function readAppMetadata(req: Request, res: Response, caller: Caller) {
    assertAcceptsJson(req);
    const project = parseFieldSelection(req);
    const read = await service.read(caller, { revalidate: wantsRevalidation(req), allowUnreadable: true });
    addStaleClaims(req, read.value);
    sendRead(req, res, project(read.value.appMetadata), read);
  }

  async function readPolicy(req: Request, res: Response, caller: Caller) {
    assertAcceptsJson(req);
    const withAppMetadata = caller.scopes.has(appMetadataScope);
    const revalidate = wantsRevalidation(req);
    const read = await service.readPolicy(caller, { revalidate, withAppMetadata });
    addStaleClaims(req, read);
    sendRead(req, res, read.value, read);
  }

  return [
    createRoute('/me/policy', { GET: guard(readScope, readPolicy, partial.read) }),
    createRoute('/me', { GET: guard(readScope, readProfile, partial.read) }),
    createRoute('/me/app-metadata', { GET: guard(appMetadataScope, readAppMetadata) }),
  ];
}
