import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import { Type } from 'typebox';
import { Problem } from '../../../domain/problem.ts';
import { UserId } from '../../../domain/value-objects/user-id.ts';
import { InvalidValue } from '../../../domain/value-objects/value-object.ts';

/** Documents the parameter; `userIdOf` decides, because a path that holds no id is a 400 and not a field error. */
export const userIdParams = Type.Object({
  user_id: Type.String({ format: 'uuid', description: 'The user, by id.', examples: ['550e8400-e29b-41d4-a716-446655440000'] }),
});

export const invalidUserId = (cause?: unknown): Problem =>
  new Problem(
    'invalid-user-id',
    { errors: [{ pointer: '/user_id', code: 'invalid-uuid', detail: 'must be a UUID, neither all zeros nor all ones' }] },
    { cause },
  );

/** @throws Problem invalid-user-id */
export const userIdOf = (text: string | undefined): UserId => {
  try {
    return UserId(text ?? '');
  } catch (error) {
    throw error instanceof InvalidValue ? invalidUserId(error) : error;
  }
};

/** A hook that refuses a wrong id before anything else of the request is looked at: what cannot be parsed comes before what is wrong. */
export const checkUserId = (request: FastifyRequest, _: FastifyReply, done: HookHandlerDoneFunction): void => {
  userIdOf((request.params as { user_id?: string }).user_id);
  done();
};
