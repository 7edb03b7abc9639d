import { Line } from './text-rules.ts';

/** A person's name; each part has at most 100 characters. */
export type Username = Readonly<{ first_name: string; last_name: string | null }>;

export const NAME_LENGTH = 100;

export const NamePart = (text: string): string => Line(text, NAME_LENGTH);
