/** From the table to OpenAPI: the paths with what every operation has. */
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject, ZodOpenApiResponseObject } from 'zod-openapi';
import { createErrorAnswers, type Dialect, type ErrorAnswers } from './errors.ts';
import { requestHeaders, responseHeaders } from './headers.ts';
import type { Answer, Endpoint, Operation } from './operation.ts';

export const OPTIONS_TAG = 'OPTIONS';

/** The schemes by which a caller may present a token; `security.ts` describes them. */
export const SCHEMES = ['oauth2', 'bearer', 'dpop'] as const;

const METHODS = ['get', 'put', 'patch', 'delete'] as const;

const OPTIONS_ANSWER: ZodOpenApiResponseObject = {
  id: 'options',
  description: 'The methods in `Allow`, and where PATCH is one of them its media types in `Accept-Patch`.',
  headers: responseHeaders(['Allow', 'Accept-Patch', 'Vary', 'X-Request-Id']),
};

/** Told before it is known which resource is meant, and so never in the dialect of one. */
const OF_ANY_REQUEST = ['misdirected_request'] as const;

export function createPaths(endpoints: readonly Endpoint[]): ZodOpenApiPathsObject {
  const errorAnswers = createErrorAnswers();
  return Object.fromEntries(endpoints.map((endpoint) => [endpoint.path, pathOf(endpoint, errorAnswers)]));
}

function pathOf(endpoint: Endpoint, errorAnswers: ErrorAnswers): ZodOpenApiPathsObject[string] {
  const { tag, params, dialect = 'problem' } = endpoint;
  const requestParams = params === undefined ? {} : { path: params };
  const operations = METHODS.flatMap((method) => {
    const operation = endpoint[method];
    return operation === undefined ? [] : [[method, operation] as const];
  });
  const [first] = operations;
  return {
    ...Object.fromEntries(
      operations.map(([method, operation]) => [
        method,
        { tags: [tag], ...describe(operation, dialect, errorAnswers, requestParams) },
      ]),
    ),
    options: {
      tags: [OPTIONS_TAG],
      operationId: `${first?.[1].id ?? endpoint.path}Options`,
      summary: 'The methods of this resource',
      security: [],
      requestParams,
      parameters: requestHeaders(['X-Request-Id']),
      responses: { '204': OPTIONS_ANSWER, ...errorAnswers(OF_ANY_REQUEST, 'problem') },
    },
  };
}

function describe(
  { id, summary, description, scopes, query, requestHeaders: fields, body, answers, errors }: Operation,
  dialect: Dialect,
  errorAnswers: ErrorAnswers,
  pathParams: NonNullable<ZodOpenApiOperationObject['requestParams']>,
): ZodOpenApiOperationObject {
  return {
    operationId: id,
    summary,
    ...(description === undefined ? {} : { description }),
    // Alternatives: any scheme with any of the scopes.
    security: SCHEMES.flatMap((scheme) => (scopes ?? []).map((scope) => ({ [scheme]: [scope] }))),
    requestParams: { ...pathParams, ...(query === undefined ? {} : { query }) },
    parameters: requestHeaders(fields),
    ...(body === undefined ? {} : { requestBody: { required: true, content: body } }),
    responses: {
      ...Object.fromEntries(answers.map((answer) => [answer.status, success(answer)])),
      ...errorAnswers(errors, dialect),
      ...errorAnswers(OF_ANY_REQUEST, 'problem'),
    },
  };
}

function success({ description, headers, content }: Answer): ZodOpenApiResponseObject {
  return {
    description,
    headers: responseHeaders(headers),
    ...(content === undefined ? {} : { content }),
  };
}
