/**
 * The stack that people put together for this task from well-known packages with their defaults. It verifies each token
 * each time, and keeps profiles for a time, or not at all (the naive proxy: `CACHE_TTL_MS=0`).
 */
import { Agent } from 'node:http';
import { create as createAxios } from 'axios';
import express from 'express';
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer';
import helmet from 'helmet';
import { LRUCache } from 'lru-cache';
import { pinoHttp } from 'pino-http';
import { collectDefaultMetrics, Histogram } from 'prom-client';

const { PORT, TENANT_URL = '', ISSUER = '', AUDIENCE = '', MANAGEMENT_TOKEN } = process.env;
const ttl = Number(process.env['CACHE_TTL_MS']);

interface User {
  readonly user_metadata: object;
}

const users = createAxios({
  baseURL: `${TENANT_URL}/api/v2/users/`,
  headers: { authorization: `Bearer ${MANAGEMENT_TOKEN}` },
  httpAgent: new Agent({ keepAlive: true }),
  // The machine may be set up with a proxy.
  proxy: false,
});
const cache = new LRUCache<string, object>({ max: 100_000, ttl: Math.max(1, ttl) });
collectDefaultMetrics();
const durations = new Histogram({
  name: 'http_request_duration_seconds',
  help: 'Duration of requests.',
  labelNames: ['method', 'route', 'status'],
});

const app = express();
app.use(pinoHttp());
app.use((req, res, next) => {
  const stop = durations.startTimer();
  res.on('finish', () => {
    stop({ method: req.method, route: req.path, status: res.statusCode });
  });
  next();
});
app.use(helmet());
app.use(auth({ issuer: ISSUER, jwksUri: `${TENANT_URL}/.well-known/jwks.json`, audience: AUDIENCE }));
app.use(express.json({ type: ['application/json', 'application/merge-patch+json'] }));

app.get('/me/metadata', requiredScopes('read:metadata'), async (req, res) => {
  const id = req.auth?.payload.sub ?? '';
  const cached = ttl > 0 ? cache.get(id) : undefined;
  const metadata = cached ?? (await users.get<User>(encodeURIComponent(id))).data.user_metadata;
  if (!cached) cache.set(id, metadata);
  res.json(metadata);
});

app.patch('/me/metadata', requiredScopes('update:metadata'), async (req, res) => {
  const id = req.auth?.payload.sub ?? '';
  const { data } = await users.patch<User>(encodeURIComponent(id), { user_metadata: req.body });
  cache.delete(id);
  res.json(data.user_metadata);
});

app.listen(Number(PORT), '127.0.0.1');
