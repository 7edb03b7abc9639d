import { changeLanguageCode as decide } from '../../domain/aggregates/user.ts';
import { LanguageCode } from '../../domain/value-objects/language-code.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** Changes the language. */
export const changeLanguageCode = command({
  input: field.closed({ new_language_code: field.languageCode }),
  decide: (user, { new_language_code }) => decide(user, LanguageCode(new_language_code)),
});
