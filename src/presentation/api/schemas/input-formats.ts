import type { formats } from '../../../application/commands/fields.ts';
import { NIL_OR_MAX } from '../../../domain/value-objects/user-id.ts';
import { VIEW_SOURCE } from '../../../domain/value-objects/view-source.ts';
import { patternOf } from './pattern.ts';

const LOCAL_PART = "[\\w!#$%&'*+/=?^`{|}~-]+";
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
// No top-level domain begins with a digit, and an IP address ends in one.
const DOMAIN = `(?:${LABEL}\\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?`;
const PORT = '(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2})';
const PATH = "(?:[\\w.~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*";
const QUERY = "(?:[\\w.~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*";

const CONTROL = '\\x00-\\x1f\\x7f-\\x9f';
// Not at either end of a line, and not all of a text.
const SPACE_OR_CONTROL = `\\s${CONTROL}`;
const prose = new RegExp(`^[^\\S\\x0b\\x0c\\x1c-\\x1f\\x85]*[^${SPACE_OR_CONTROL}][^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]*$`);

/**
 * What JSON Schema can say of the texts that a value object decides. Of an address it promises no more than is taken: names of
 * hosts in ASCII. Of what people write it refuses nothing that is taken; that some characters are not, no pattern can say in
 * every language. UUIDs and times have no pattern, because generators give them types of their own, which have no text to match.
 */
export const inputFormats: Record<keyof typeof formats, object> = {
  uuid: { format: 'uuid', not: { pattern: patternOf(NIL_OR_MAX) } },
  email: {
    format: 'email',
    pattern: patternOf(new RegExp(`^${LOCAL_PART}(?:\\.${LOCAL_PART})*@${DOMAIN}$`)),
    not: { pattern: patternOf(/^[^@]{65}/) },
  },
  phone: { pattern: patternOf(/^\+[1-9](?:[ -]?[0-9]){6,14}$/) },
  'person-name': {
    minLength: 1,
    pattern: patternOf(new RegExp(`^[^${SPACE_OR_CONTROL}](?:[^${CONTROL}]*[^${SPACE_OR_CONTROL}])?$`)),
  },
  'language-tag': { minLength: 2, pattern: patternOf(/^(?:[A-Za-z]{2,3}|[Ii])(?:-[A-Za-z0-9]{1,8})*$/) },
  uri: { format: 'uri', pattern: patternOf(new RegExp(`^https://(?:${DOMAIN})(?::${PORT})?(?:/${PATH})?(?:\\?${QUERY})?(?:#${QUERY})?$`)) },
  bio: { minLength: 1, pattern: patternOf(prose) },
  'block-reason': { minLength: 1, pattern: patternOf(prose) },
  date: { format: 'date' },
  'date-time': { format: 'date-time' },
  'view-source': { minLength: 1, pattern: patternOf(VIEW_SOURCE) },
};
