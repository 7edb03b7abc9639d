import { InvalidValue } from './value-object.ts';

/** A real calendar date YYYY-MM-DD, from 1900-01-01 to `now`'s date in UTC. */
export const BirthDate = (text: string, now: Date): string => {
  const date = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : null;
  // 2026-02-30 parses as March 2nd, so the date must come back as it went in.
  if (date === null || Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== text) {
    throw new InvalidValue('invalid-date', 'must be a calendar date like 1990-05-21');
  }
  if (text < '1900-01-01') throw new InvalidValue('date-too-early', 'must not be before 1900-01-01');
  if (text > now.toISOString().slice(0, 10)) throw new InvalidValue('date-in-future', 'must not be in the future');
  return text;
};
