/** The part of the table that anybody may read. */
import { z } from 'zod';
import { content, json } from './content.ts';
import { type Endpoint, probe, publicRead } from './operation.ts';
import * as schemas from './schemas.ts';

const fileParams = z.object({ file: z.string().meta({ description: 'A part of the page.' }) });

export const publicEndpoints: readonly Endpoint[] = [
  {
    path: '/schemas/user-metadata',
    tag: 'This service',
    get: publicRead({
      id: 'readMetadataSchema',
      summary: 'The JSON Schema of the metadata',
      answer: content({ 'application/schema+json': [schemas.anyDocument] }),
    }),
  },
  {
    path: '/.well-known/oauth-protected-resource',
    tag: 'This service',
    get: publicRead({
      id: 'readProtectedResource',
      summary: 'Where tokens come from, and which scopes there are',
      answer: json(schemas.protectedResource),
    }),
  },
  {
    path: '/openapi.json',
    tag: 'This service',
    get: publicRead({ id: 'readOpenApi', summary: 'This document', answer: json(schemas.anyDocument) }),
  },
];

export const docsEndpoints: readonly Endpoint[] = [
  {
    path: '/docs',
    tag: 'This service',
    get: publicRead({
      id: 'readDocs',
      summary: 'This document as a page',
      answer: content({ 'text/html': [schemas.text] }),
      headers: ['Content-Security-Policy'],
    }),
  },
  {
    path: '/docs/{file}',
    tag: 'This service',
    params: fileParams,
    get: publicRead({
      id: 'readDocsFile',
      summary: 'The parts of that page',
      answer: content({ 'text/css': [schemas.text], 'text/javascript': [schemas.text] }),
      errors: ['route_not_found'],
    }),
  },
];

export const healthEndpoints: readonly Endpoint[] = [
  {
    path: '/livez',
    tag: 'This service',
    get: probe({
      id: 'readLife',
      summary: 'Whether the process answers',
      answer: json(schemas.life),
    }),
  },
  {
    path: '/readyz',
    tag: 'This service',
    get: probe({
      id: 'readReadiness',
      summary: 'Whether the service can serve requests',
      answer: json(schemas.readiness),
      failure: json(schemas.readiness),
    }),
  },
];
