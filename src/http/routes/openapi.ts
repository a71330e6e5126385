/**
 * `/openapi.json`: the description of this interface for machines. It is made when somebody asks for it for the first
 * time, because to make it takes as long as a tenth of the start.
 */
import { sharedRepresentation, type SharedRepresentation } from '../../metadata/representation.ts';
import type { DocumentOptions } from '../openapi/document.ts';
import { type Resource, resource } from '../resource.ts';
import { sendPublic } from '../respond.ts';

export function openApiRoutes(options: DocumentOptions): readonly Resource[] {
  let made: Promise<SharedRepresentation> | undefined;

  async function make(): Promise<SharedRepresentation> {
    const { createOpenApiDocument } = await import('../openapi/document.ts');
    return sharedRepresentation(createOpenApiDocument(options));
  }

  return [
    resource('/openapi.json', {
      async GET(req, res) {
        made ??= make();
        sendPublic(req, res, await made, 'application/json; charset=utf-8');
      },
    }),
  ];
}
