import { OwnError } from '../domain/own-error.ts';
import { UserId } from '../domain/value-objects/user-id.ts';

/** The command line is wrong; the message says how. */
export class UsageError extends OwnError {
  override readonly name = 'UsageError';
}

/** @throws UsageError */
export const userIdOf = (text: string, name = 'ID'): UserId => {
  try {
    return UserId(text);
  } catch (error) {
    throw new UsageError(`${name} ${(error as Error).message}`);
  }
};
