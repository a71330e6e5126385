/** `/openapi.json`: the description of this interface for machines. */
import { textRepresentation } from '../../metadata/representation.ts';
import { type Resource, resource } from '../resource.ts';
import { sendPublicText } from '../respond.ts';

/** @param document JSON text, served as it stands. */
export function openApiRoutes(document: string): readonly Resource[] {
  const representation = textRepresentation(document);
  return [
    resource('/openapi.json', {
      GET: (req, res) => sendPublicText(req, res, representation, 'application/json; charset=utf-8'),
    }),
  ];
}
