import { changePhone as decide } from '../../domain/aggregates/user.ts';
import { Phone } from '../../domain/value-objects/phone.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** Changes the phone number; null clears it, unless it is the last contact. */
export const changePhone = command({
  input: field.closed({ new_phone: field.orNull(field.phone) }),
  decide: (user, { new_phone }) => decide(user, new_phone === null ? null : Phone(new_phone)),
});
