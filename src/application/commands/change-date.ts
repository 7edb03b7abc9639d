import { changeBirthDate as decide } from '../../domain/aggregates/user.ts';
import { BirthDate } from '../../domain/value-objects/birth-date.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** Changes the birth date; null clears it. */
export const changeDate = command({
  input: field.closed({ new_birth_date: field.orNull(field.birthDate) }),
  decide: (user, { new_birth_date }, { now }) => decide(user, new_birth_date === null ? null : BirthDate(new_birth_date, now)),
});
