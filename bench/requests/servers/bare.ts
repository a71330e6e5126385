/** The floor: node:http with one text for everybody, and header fields as long as those of metadata-bff. */
import { createServer } from 'node:http';
import { DOCUMENT, HOST, PORT } from './settings.ts';

const HEADERS = {
  'X-Request-Id': '8f14e45f-ceea-467f-a0e6-3c1b5a9d2c11',
  'Content-Security-Policy': "default-src 'none';frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Origin-Agent-Cluster': '?1',
  'Referrer-Policy': 'no-referrer',
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'X-Content-Type-Options': 'nosniff',
  'X-DNS-Prefetch-Control': 'off',
  'X-Download-Options': 'noopen',
  'X-Frame-Options': 'DENY',
  'X-Permitted-Cross-Domain-Policies': 'none',
  'X-XSS-Protection': '0',
  'Access-Control-Allow-Origin': 'https://app.example.com',
  'Access-Control-Expose-Headers':
    'ETag,Retry-After,RateLimit,RateLimit-Policy,Cache-Status,Age,Content-Disposition,Metadata-Quota,WWW-Authenticate,DPoP-Nonce,X-Request-Id',
  'Metadata-Quota': 'limit=8192, used=500',
  'Cache-Control': 'private, no-cache',
  Vary: 'Authorization, Origin',
  ETag: '"AAAAAAAAAAAAAAAAAAAAAAAA"',
  Age: '12',
  'Cache-Status': 'metadata-bff; hit; ttl=41',
  'Content-Type': 'application/json; charset=utf-8',
  'Content-Length': String(Buffer.byteLength(DOCUMENT)),
};

createServer((_req, res) => {
  res.writeHead(200, HEADERS).end(DOCUMENT);
}).listen(PORT, HOST);
