import { isCalendarDate } from './calendar-date.ts';
import { InvalidValue } from './value-object.ts';

/** A real calendar date YYYY-MM-DD, from 1900-01-01 to `now`'s date in UTC. */
export const BirthDate = (text: string, now: Date): string => {
  if (!isCalendarDate(text)) {
    throw new InvalidValue('invalid-date', 'must be a calendar date like 1990-05-21');
  }
  if (text < '1900-01-01') throw new InvalidValue('date-too-early', 'must not be before 1900-01-01');
  if (text > now.toISOString().slice(0, 10)) throw new InvalidValue('date-in-future', 'must not be in the future');
  return text;
};
