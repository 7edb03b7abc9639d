import { natsReason } from '../../connections/nats.ts';
import { beginningOf, inWords, NETWORK, REDIS } from '../../failure-meanings.ts';
import { UnusableDatabase } from '../../persistence/database/database.ts';
import { reasonInWords } from '../../persistence/database/failure-reason.ts';
import { type Finding, wrong } from './finding.ts';

export type Server = { kind: 'PostgreSQL' | 'Redis' | 'NATS'; at: string; setting: string };

/** Why a server cannot be worked with, in the words in which the start tells it. */
export const explained = (check: string, error: unknown, { kind, at, setting }: Server): Finding => {
  const { text, next } = reasonOf(kind, error);
  return wrong(check, `${at}: ${text} (${setting})`, next ?? 'look at its own log');
};

const reasonOf = (kind: Server['kind'], error: unknown): { text: string; next?: string } => {
  if (error instanceof UnusableDatabase) return { text: error.message };
  if (kind === 'PostgreSQL') return reasonInWords(error);
  if (kind === 'NATS') return natsReason(error) as { text: string; next?: string };
  const { message, code: ofSystem, name } = error as Error & { code?: string };
  const code = beginningOf(REDIS, message) ?? ofSystem ?? (name === 'ReplyError' ? (message.split(' ', 1)[0] ?? name) : name);
  return inWords(REDIS[code] ?? NETWORK[code], code);
};
