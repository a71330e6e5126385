/**
 * The stack that people put together for this task from well-known packages with their defaults: each token
 * verified each time, and profiles kept for a time, or not at all (the naive proxy).
 */
import express from 'express';
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer';
import helmet from 'helmet';
import { LRUCache } from 'lru-cache';
import { pinoHttp } from 'pino-http';
import { collectDefaultMetrics, Histogram } from 'prom-client';
import { AUDIENCE, CACHE_TTL_MS, HOST, ISSUER, PORT, TENANT_URL } from './settings.ts';
import { changeMetadata, readMetadata } from './upstream.ts';

collectDefaultMetrics();
const durations = new Histogram({
  name: 'http_request_duration_seconds',
  help: 'Duration of requests.',
  labelNames: ['method', 'route', 'status'],
});
const cache = new LRUCache<string, object>({ max: 100_000, ttl: Math.max(1, CACHE_TTL_MS) });

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
  const userId = req.auth?.payload.sub ?? '';
  const known = CACHE_TTL_MS > 0 ? cache.get(userId) : undefined;
  const metadata = known ?? (await readMetadata(userId));
  if (!known) cache.set(userId, metadata);
  res.json(metadata);
});

app.patch('/me/metadata', requiredScopes('update:metadata'), async (req, res) => {
  const userId = req.auth?.payload.sub ?? '';
  const metadata = await changeMetadata(userId, req.body);
  cache.delete(userId);
  res.json(metadata);
});

app.listen(PORT, HOST);
