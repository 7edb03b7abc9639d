import { Prose } from './text-rules.ts';

export const BIO_LENGTH = 1000;
export const BLOCK_REASON_LENGTH = 500;

export const Bio = (text: string): string => Prose(text, BIO_LENGTH);
export const BlockReason = (text: string): string => Prose(text, BLOCK_REASON_LENGTH);
