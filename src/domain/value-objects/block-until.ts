import { isCalendarDate } from './calendar-date.ts';
import { InvalidValue } from './value-object.ts';

// A leap second is not taken: none is known in advance.
const RFC_3339 = /^(\d{4}-\d{2}-\d{2})[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** The end of a block: an RFC 3339 time; kept in UTC with three decimals. That it lies ahead is for the decision to check. */
export const BlockUntil = (text: string): string => {
  const date = text.length <= 40 ? RFC_3339.exec(text)?.[1] : undefined;
  const time = date === undefined || !isCalendarDate(date) ? null : new Date(text.toUpperCase()).toISOString();
  // In UTC, the first and the last hours of the four-digit years may fall into years with more digits.
  if (time === null || !/^\d{4}-/.test(time)) {
    throw new InvalidValue('invalid-time', 'must be a time with offset, like 2030-01-31T12:00:00Z');
  }
  return time;
};
