import { Prose } from './text-rules.ts';

export const BLOCK_REASON_LENGTH = 500;

export const BlockReason = (text: string): string => Prose(text, BLOCK_REASON_LENGTH);
