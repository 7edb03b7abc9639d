import { Type } from 'typebox';
import { closed } from '../../../application/commands/fields.ts';
import type { ProblemCode } from '../../../domain/problem.ts';
import { IDEMPOTENCY_KEY, IF_MATCH, PREFER } from '../http/headers.ts';
import { patternOf } from './pattern.ts';
import { problemResponses } from './problem.ts';
import { taskSchema } from './task.ts';
import { userSchema } from './user.ts';

// Without `examples`: /docs would send those with every request, and a used key or a stale ETag is refused.
const header = (pattern: RegExp, description: string) => Type.Optional(Type.String({ pattern: patternOf(pattern), description }));

/** Documented here, read by `headers.ts`: what cannot be read is a 400 of its own, not a field error. */
export const commandHeaders = Type.Object({
  'If-Match': header(IF_MATCH, 'ETag that the user must still have, for example `"1"`; otherwise 412.'),
  'Idempotency-Key': header(IDEMPOTENCY_KEY, 'Any new id, for example a UUID: makes sending the request again safe for 24 hours.'),
  Prefer: header(PREFER, 'RFC 7240: `respond-async` for a task, `wait=N` to wait up to N seconds for its end.'),
});

/** A refusal may have them too: that of a task that was waited for. */
export const applied = {
  'Idempotent-Replayed': { type: 'string', description: '`true` where the answer is that of an earlier request.' },
  'Preference-Applied': { type: 'string', description: 'Which preference of `Prefer` was followed.' },
};
export const etag = { ETag: { type: 'string', description: 'Version of the user, in quotes.' } };
const location = (of: string) => ({ Location: { type: 'string', format: 'uri-reference', description: `Address of the ${of}.` } });
const json = (schema: object) => ({ 'application/json': { schema } });

export const userResponse = (description: string, headers: object = {}) => ({
  description,
  headers: { ...etag, ...headers },
  content: json(userSchema),
});

const taskResponse = {
  description: 'Accepted: the task is on disk. Location is where to look.',
  headers: { ...location('task'), 'Retry-After': { type: 'integer', format: 'int32', description: 'Seconds to wait before looking.' } },
  content: json(taskSchema),
};

const refusedEverywhere: ProblemCode[] = [
  'malformed-request',
  'malformed-json',
  'duplicate-key',
  'too-deep',
  'invalid-utf8',
  'invalid-precondition',
  'invalid-idempotency-key',
  'idempotency-in-progress',
  'version-conflict',
  'payload-too-large',
  'unsupported-media-type',
  'validation-failed',
  'idempotency-key-reused',
  'starting',
  'store-unavailable',
  'store-read-only',
  'store-busy',
  'stream-unreadable',
  'outcome-unknown',
  'overloaded',
  'shutting-down',
];

export const viewCountResponse = {
  description: 'Recorded.',
  content: json(
    closed(
      { count: Type.Integer({ minimum: 0, format: 'int64', description: 'Views of this user that counted so far.' }) },
      { title: 'ProfileViewCount' },
    ),
  ),
};

type Response = { headers?: object };

export const commandResponses = (
  { status, asynchronous, answers }: { status: 200 | 201 | 204; asynchronous?: true; answers?: object },
  refuses: readonly ProblemCode[],
) => {
  const done =
    status === 204
      ? { type: 'null', description: 'Done, now or before.' }
      : userResponse(asynchronous ? 'Done, with `Prefer: wait`.' : 'Done.', status === 201 ? location('user') : {});
  const responses: Record<string, Response> = { [status]: answers ?? done, 202: taskResponse };
  return {
    ...Object.fromEntries(
      Object.entries(responses).map(([code, response]) => [code, { ...response, headers: { ...response.headers, ...applied } }]),
    ),
    ...problemResponses(...refusedEverywhere, ...refuses),
  };
};
