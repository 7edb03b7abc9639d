/** Whether the text is a date YYYY-MM-DD that the calendar has. */
export const isCalendarDate = (text: string): boolean => {
  const date = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : null;
  // 2026-02-30 parses as March 2nd, so the date must come back as it went in.
  return date !== null && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
};
