/**
 * How the control endpoints refuse: always `{ error, message }` with a proper status.
 */
import type { Response } from 'express';
import type { z } from 'zod';

/** A refusal of a control endpoint. */
export class ControlError extends Error {
  readonly status: number;
  readonly error: string;

  constructor(status: number, error: string, message: string) {
    super(message);
    this.name = 'ControlError';
    this.status = status;
    this.error = error;
  }
}

/** `body` as `schema` has it, or a 400 that names every fault in it. */
export function parseControlRequest<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const parsed = schema.safeParse(body ?? {});
  if (!parsed.success) throw new ControlError(400, 'invalid_request', describeIssues(parsed.error));
  return parsed.data;
}

/** Every issue as `path: message`, on one line. */
export function describeIssues(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`).join('; ');
}

/** Sends the error of a control request. */
export function sendControlError(response: Response, thrown: unknown): void {
  if (thrown instanceof ControlError) {
    response.status(thrown.status).json({ error: thrown.error, message: thrown.message });
    return;
  }
  // The router and body-parser throw errors that carry a 4xx status.
  const bad =
    typeof thrown === 'object' && thrown !== null && 'status' in thrown && Number(thrown.status) < 500;
  response
    .status(bad ? 400 : 500)
    .json(
      bad
        ? { error: 'invalid_request', message: 'The request could not be read: is the body JSON?' }
        : { error: 'internal', message: 'The local tenant failed' },
    );
}
