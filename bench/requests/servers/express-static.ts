/** What Express itself costs: one route, one value, nothing else. */
import express from 'express';
import { DOCUMENT, HOST, PORT } from './settings.ts';

const value: unknown = JSON.parse(DOCUMENT);
const app = express();
app.get('/me/metadata', (_req, res) => {
  res.json(value);
});
app.listen(PORT, HOST);
