import { InvalidValue } from './value-object.ts';

const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** The end of a block: an RFC 3339 time after `now`; kept in UTC with three decimals. */
export const BlockUntil = (text: string, now: Date): string => {
  const time = text.length <= 40 && RFC_3339.test(text) ? new Date(text.toUpperCase()) : null;
  const [year, month, day] = text.split(/[-Tt]/, 3).map(Number);
  const daysInMonth = new Date(Date.UTC(year ?? 0, month ?? 0, 0)).getUTCDate();
  if (time === null || Number.isNaN(time.getTime()) || (day ?? 0) > daysInMonth) {
    throw new InvalidValue('invalid-time', 'must be a time with offset, like 2030-01-31T12:00:00Z');
  }
  if (time <= now) throw new InvalidValue('time-in-past', 'must be in the future');
  return time.toISOString();
};
