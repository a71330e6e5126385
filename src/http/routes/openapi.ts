/** `/openapi.json`: the description of this interface for machines. */
import { Router } from 'express';
import { textRepresentation } from '../../metadata/representation.ts';
import { resource } from '../resource.ts';
import { sendPublicText } from '../respond.ts';

/** @param document JSON text, served as it stands. */
export function openApiRoutes(document: string): Router {
  const representation = textRepresentation(document);
  return Router().use(
    resource('/openapi.json', {
      GET: (req, res) => sendPublicText(req, res, representation, 'application/json; charset=utf-8'),
    }),
  );
}
