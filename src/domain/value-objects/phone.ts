import { parsePhoneNumberFromString } from 'libphonenumber-js/min';
import { type Branded, InvalidValue } from './value-object.ts';

/** A number in E.164 form, for example +79991234567. The number is its own key. */
export type Phone = Branded<'Phone'>;

const AS_TYPED = /^\+[0-9][0-9 -]*[0-9]$/;

/**
 * An international number; spaces and dashes between digits are accepted and dropped. The length must be possible for
 * its country; whether the number is in use is not asked, because numbering plans change faster than any list of them.
 */
export const Phone = (text: string): Phone => {
  const number = text.length <= 32 && AS_TYPED.test(text) ? parsePhoneNumberFromString(text) : undefined;
  // A trunk 0 after the country code is dropped. What then begins with another one is no number in E.164.
  if (!number?.isPossible() || parsePhoneNumberFromString(number.number)?.number !== number.number) {
    throw new InvalidValue('invalid-phone', 'must be a phone number with + and country code, for example +79991234567');
  }
  return number.number as string as Phone;
};
