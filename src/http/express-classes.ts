/**
 * Classes for a server whose requests and responses already have the prototypes that Express gives to each. Express
 * sets them with `Object.setPrototypeOf`, which on Node 20 and 22 makes slow objects of both; where they stand
 * already, that changes nothing. docs/performance.md has what it saves.
 */
import { IncomingMessage, ServerResponse } from 'node:http';
import type { Express } from 'express';
import { listingFields } from './listed-fields.ts';

export interface ServerClasses {
  readonly IncomingMessage: typeof IncomingMessage;
  readonly ServerResponse: typeof ServerResponse;
}

/** To be called once for an application, before it answers anything. */
export function expressClasses(app: Express): ServerClasses {
  class AppRequest extends IncomingMessage {}
  class AppResponse<Req extends IncomingMessage = IncomingMessage> extends ServerResponse<Req> {}
  Object.setPrototypeOf(AppRequest.prototype, app.request);
  Object.setPrototypeOf(AppResponse.prototype, app.response);
  const Response = listingFields(AppResponse);
  Object.assign(app, { request: AppRequest.prototype, response: Response.prototype });
  return { IncomingMessage: AppRequest, ServerResponse: Response };
}
