import { basename } from 'node:path';
import { OwnError } from '../domain/own-error.ts';
import { readConfig } from '../infrastructure/container/config.ts';
import { confirmed } from './confirmed.ts';

export type LossFlags = { yes?: boolean; loseTheLog?: boolean };

type Loss = {
  /** The command that it is. */
  command: string;
  /** Where the data is. */
  location: string;
  /** How many events are at stake; null where nobody can tell. */
  events: number | null;
  /** What the command does to the log, and how to keep what is in it. */
  why: string;
  /** What is asked about. */
  question: string;
};

/** Twice where the log is at stake: by `--lose-the-log`, and as for everything that loses data. @throws OwnError */
export const agreedToLose = async (
  env: NodeJS.ProcessEnv,
  { command, location, events, why, question }: Loss,
  { yes = false, loseTheLog = false }: LossFlags,
): Promise<void> => {
  const atStake = [
    ...(events === null ? [`the log of ${location} cannot be read, and may have events`] : []),
    ...(events !== null && events > 0 ? [`the log of ${location} has ${counted(events)}`] : []),
    ...(readConfig(env).APP_ENV === 'production' ? ['this is production (APP_ENV)'] : []),
  ];
  if (atStake.length > 0 && !loseTheLog) {
    throw new OwnError(`${command} is refused, because ${atStake.join(', and ')}: ${why}, and say --lose-the-log where that is meant`);
  }
  await confirmed(question, basename(location), yes);
};

export const counted = (events: number): string => `${events.toLocaleString('en-US')} ${events === 1 ? 'event' : 'events'}`;
