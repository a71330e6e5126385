/** Prints the OpenAPI document with everything switched on, for linters and generators. */
import { readFileSync } from 'node:fs';
import { createOpenApiDocument } from '../../../src/http/openapi/document.ts';

process.stdout.write(
  createOpenApiDocument({
    audience: 'https://metadata.example.com',
    issuers: ['https://tenant.example.auth0.com/'],
    scopes: {
      readMetadata: 'read:metadata',
      updateMetadata: 'update:metadata',
      readAppMetadata: 'read:app_metadata',
      readClientMetadata: 'read:client_metadata',
    },
    scopedKeys: { 'update:newsletter': { readable: ['newsletter'], writable: ['newsletter'] } },
    partial: { read: ['update:newsletter'], update: ['update:newsletter'] },
    compat: true,
    docs: true,
    requireIfMatch: true,
    publicHealth: true,
    publicUrls: ['https://metadata.test'],
    metadataSchema: JSON.parse(readFileSync('config/user-metadata.schema.json', 'utf8')),
  }),
);
