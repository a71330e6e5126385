/** The floor: node:http with one text for every caller, and the headers of metadata-bff. */
import { createServer } from 'node:http';

const { PORT, DOCUMENT = '', HEADERS = '{}' } = process.env;
const headers: Record<string, string> = JSON.parse(HEADERS);

createServer((_req, res) => {
  res.writeHead(200, headers).end(DOCUMENT);
}).listen(Number(PORT), '127.0.0.1');
