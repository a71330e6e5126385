/** What the benchmark tells each of its servers, over the environment. */

export const PORT = Number(process.env['PORT']);
export const HOST = '127.0.0.1';
/** Where the mock tenant is, with its keys. */
export const TENANT_URL = process.env['TENANT_URL'] ?? '';
export const ISSUER = process.env['ISSUER'] ?? '';
export const AUDIENCE = process.env['AUDIENCE'] ?? '';
/** The document that every user holds, as JSON text. */
export const DOCUMENT = process.env['DOCUMENT'] ?? '{}';
/** 0 asks the tenant each time. */
export const CACHE_TTL_MS = Number(process.env['CACHE_TTL_MS'] ?? '60000');
