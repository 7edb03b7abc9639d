import { Type } from 'typebox';
import { Problem } from '../../domain/problem.ts';
import { UserId } from '../../domain/value-objects/user-id.ts';
import { InvalidValue } from '../../domain/value-objects/value-object.ts';

/** Documents the parameter; `userIdOf` decides, because a path that holds no id is a 400 and not a field error. */
export const userIdParams = Type.Object({
  user_id: Type.String({ description: 'The user, by id.', examples: ['550e8400-e29b-41d4-a716-446655440000'] }),
});

/** @throws Problem invalid-user-id */
export const userIdOf = (text: string | undefined): UserId => {
  try {
    return UserId(text ?? '');
  } catch (error) {
    throw error instanceof InvalidValue ? new Problem('invalid-user-id', {}, { cause: error }) : error;
  }
};
