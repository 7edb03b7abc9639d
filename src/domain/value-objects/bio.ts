import { Prose } from './text-rules.ts';

export const BIO_LENGTH = 1000;

export const Bio = (text: string): string => Prose(text, BIO_LENGTH);
