import { changeEmail as decide } from '../../domain/aggregates/user.ts';
import { Email } from '../../domain/value-objects/email.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** Changes the email address; null clears it, unless it is the last contact. */
export const changeEmail = command({
  input: field.closed({ new_email: field.orNull(field.email) }),
  decide: (user, { new_email }) => decide(user, new_email === null ? null : Email(new_email)),
});
