import { changePrivacySettings as decide } from '../../domain/aggregates/user.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** Changes the settings that are given; the others stay. */
export const changePrivacySettings = command({
  input: { ...field.privacySettings, minProperties: 1 },
  decide,
});
