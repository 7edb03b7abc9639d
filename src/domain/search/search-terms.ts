import type { RecordedUserEvent } from '../events/user-events.ts';
import type { Username } from '../value-objects/username.ts';

/** What makes two texts the same in the table of earlier releases: compatibility form, lower case, single spaces. */
export const searchForm = (text: string): string => text.normalize('NFKC').toLowerCase().replace(/\s+/gu, ' ').trim();

/** More than a name may have today has been taken by earlier releases. The length is in UTF-16 units. */
const TERMS = 64;
const TERM_LENGTH = 256;

/** What a name is found by in the table of earlier releases: each of its words and what follows it. */
export const nameTerms = (username: Username | null): string[] => {
  if (username === null) return [];
  const words = searchForm(`${username.first_name} ${username.last_name ?? ''}`)
    .split(' ')
    .slice(0, TERMS);
  return [...new Set(words.map((_, index) => words.slice(index).join(' ').slice(0, TERM_LENGTH).toWellFormed()))];
};

/** What a user with this history is found by, and what by no longer, where a name is found by what `of` says. */
export const termsOf = (
  events: readonly RecordedUserEvent[],
  of: (username: Username | null) => string[],
): { current: string[]; outdated: string[] } => {
  let current: string[] = [];
  const ever = new Set<string>();
  for (const { type, personal } of events) {
    if ('username' in personal) current = of(personal.username ?? null);
    if (type === 'UserDeleted') current = [];
    for (const term of current) ever.add(term);
  }
  return { current, outdated: [...ever].filter((term) => !current.includes(term)) };
};
