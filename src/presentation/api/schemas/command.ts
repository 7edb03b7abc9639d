import { Type } from 'typebox';
import { problemResponses } from './problem.ts';

const header = (description: string, example: string) => Type.Optional(Type.String({ description, examples: [example] }));

/** Documented here, read by `headers.ts`: what cannot be read is a 400 of its own, not a field error. */
export const commandHeaders = Type.Object({
  'if-match': header('ETag that the user must still have; otherwise 412.', '"1"'),
  'idempotency-key': header('Makes sending the request again safe for 24 hours.', '"8e03978e-40d5-43dd-bc93-6894a57f9324"'),
  prefer: header('RFC 7240: `respond-async`, `wait=N`.', 'respond-async'),
});

const etag = { etag: { type: 'string', description: 'Version of the user.' } };
const json = (schema: object) => ({ 'application/json': { schema } });

export const userResponse = (description: string, headers: object = {}) => ({
  description,
  headers: { ...etag, ...headers },
  content: json({ $ref: 'User#' }),
});

const taskResponse = {
  description: 'Accepted: the task is on disk. Location is where to look.',
  headers: { location: { type: 'string' }, 'retry-after': { type: 'integer' } },
  content: json({ $ref: 'Task#' }),
};

export const commandResponses = (status: 200 | 201 | 204, asynchronous: boolean) => ({
  ...(status === 204
    ? { 204: { type: 'null', description: 'Done.' } }
    : {
        [status]: userResponse(
          asynchronous ? 'Done, with `Prefer: wait`.' : 'Done.',
          status === 201 ? { location: { type: 'string' } } : {},
        ),
      }),
  202: taskResponse,
  ...problemResponses(400, ...(status === 201 ? [] : [404]), 409, 410, 412, 413, 415, 422, 503),
});
