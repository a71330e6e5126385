/** `/client/metadata`: allow-listed settings of the application that the caller uses, to read only. */
import type { Request, Response } from 'express';
import type { Caller } from '../../identity/caller.ts';
import { AppError } from '../../lib/app-error.ts';
import type { ClientSettings } from '../../metadata/policy.ts';
import { wantsRevalidation } from '../request-options.ts';
import type { Guard } from '../middleware/authorize.ts';
import { type Route, createRoute } from './route.ts';
import { assertAcceptsJson, sendRead } from '../response.ts';

interface Dependencies {
  readonly settings: ClientSettings;
  readonly guard: Guard;
}

export function createClientMetadataRoutes(
  { settings, guard }: Dependencies,
  { readScope }: { readonly readScope: string },
): readonly Route[] {
  async function readSettings(req: Request, res: Response, { clientId }: Caller) {
    assertAcceptsJson(req);
    if (clientId === undefined) {
      throw new AppError('client_not_allowed', 'The access token does not say which application it is for.');
    }
    const read = await settings.read(clientId, { revalidate: wantsRevalidation(req) });
    sendRead(req, res, read.value, read);
  }

  return [createRoute('/client/metadata', { GET: guard(readScope, readSettings) })];
}
