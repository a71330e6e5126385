/** The service's own OpenAPI document, and the means to hold its answers against it. */
import { expect } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parseObject } from '../../support/json.ts';
import type { TestService } from '../../support/service.ts';

export type Node = Readonly<Record<string, unknown>>;

export interface Contract {
  readonly document: Node;
  readonly paths: Readonly<Record<string, Node>>;
  /** What was seen live so far, as `GET /path 200`. */
  readonly seen: ReadonlySet<string>;
  /** A request to the resource of `template`; its answer must be what the document says. */
  readonly ask: (method: string, template: string, ask?: ContractAsk) => Promise<Response>;
}

export interface ContractAsk {
  /** The values of the variables in the template, and the query. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

/** Fields of every answer: of the connection, of CORS, and those that keep browsers from mischief. */
const GENERIC =
  /^(?:connection|keep-alive|date|transfer-encoding|content-(?:length|type|security-policy)|access-control-.*|cross-origin-.*|origin-agent-cluster|referrer-policy|strict-transport-security|x-(?:content-type-options|dns-prefetch-control|download-options|frame-options|permitted-cross-domain-policies|xss-protection))$/;

/** Headers of every error, which the introduction of the document names once. */
const OF_EVERY_ERROR = ['cache-control', 'vary', 'x-request-id', 'ratelimit', 'ratelimit-policy'];

const DOCUMENT_ID = 'https://openapi.example.com/openapi.json';

export async function openContract(service: TestService): Promise<Contract> {
  const response = await fetch(`${service.url}/openapi.json`);
  const document = parseObject(await response.text());
  const paths = pathsOf(document);
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false });
  addFormats.default(ajv);
  ajv.addSchema({ ...document, $id: DOCUMENT_ID });
  const seen = new Set<string>();

  function assertBody(mediaType: string, pointer: string, text: string): void {
    if (!mediaType.endsWith('json')) return;
    // Compiled once for each place, however many answers are held against it.
    const validate = ajv.getSchema(`${DOCUMENT_ID}${pointer}`);
    if (validate === undefined) throw new Error(`the document has no schema at ${pointer}`);
    const body: unknown = JSON.parse(text);
    expect({ body, faults: validate(body) ? [] : validate.errors }).toEqual({ body, faults: [] });
  }

  async function assertDescribed(method: string, template: string, answer: Response): Promise<void> {
    const place = `#/paths/${token(template)}/${method === 'HEAD' ? 'get' : method.toLowerCase()}`;
    const described = resolve(document, `${place}/responses/${answer.status}`);
    const headers = new Set([
      ...names(described.node['headers']),
      ...(answer.status === 304 ? names(resolve(document, `${place}/responses/200`).node['headers']) : []),
      ...(answer.status >= 400 ? OF_EVERY_ERROR : []),
    ]);
    const undescribed = [...answer.headers.keys()].filter(
      (name) => !GENERIC.test(name) && !headers.has(name),
    );
    expect({ undescribed }).toEqual({ undescribed: [] });

    const text = await answer.clone().text();
    if (answer.status >= 400 && text !== '') {
      const { code, errorCode } = parseObject(text);
      expect(resolve(document, place).node['x-error-codes']).toContain(code ?? errorCode);
    }
    const mediaType = answer.headers.get('content-type')?.split(';')[0] ?? '';
    const mediaTypes = names(described.node['content']);
    if (method !== 'HEAD') expect(text === '').toBe(mediaTypes.length === 0);
    if (text === '') return;
    expect(mediaTypes).toContain(mediaType);
    assertBody(mediaType, `${described.pointer}/content/${token(mediaType)}/schema`, text);
  }

  return {
    document,
    paths,
    seen,
    async ask(method, template, { path = template, headers = {}, body } = {}) {
      const content = body === undefined ? {} : { body };
      const answer = await fetch(`${service.url}${path}`, { method, headers, ...content });
      await assertDescribed(method, template, answer);
      seen.add(`${method} ${template} ${answer.status}`);
      return answer;
    },
  };
}

function pathsOf(document: Node): Record<string, Node> {
  return Object.fromEntries(
    Object.keys(asNode(document['paths'])).map((path) => [
      path,
      resolve(document, `#/paths/${token(path)}`).node,
    ]),
  );
}

/** What stands at a pointer, and where that is, once references are followed. @throws Error where nothing does. */
export function resolve(document: Node, pointer: string): { readonly node: Node; readonly pointer: string } {
  let node = document;
  for (const name of pointer.split('/').slice(1)) {
    const key = decodeURIComponent(name).replaceAll('~1', '/').replaceAll('~0', '~');
    if (!(key in node)) throw new Error(`the document has nothing at ${pointer} (from ${key} on)`);
    node = asNode(node[key]);
  }
  const reference = node['$ref'];
  return typeof reference === 'string' ? resolve(document, reference) : { node, pointer };
}

/** Any object of the document; for anything else, one without members. */
export function asNode(value: unknown): Node {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

/** Every object in the document, with the pointer that leads there. */
export function* nodesOf(value: unknown, pointer = '#'): Generator<readonly [string, Node]> {
  if (typeof value !== 'object' || value === null) return;
  const node = asNode(value);
  yield [pointer, node];
  for (const [name, child] of Object.entries(node)) yield* nodesOf(child, `${pointer}/${token(name)}`);
}

function names(record: unknown): string[] {
  return Object.keys(asNode(record)).map((name) => name.toLowerCase());
}

function token(name: string): string {
  return encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
}
