import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino';
import { OwnError } from '../../domain/own-error.ts';
import { fixedText } from '../fixed-texts.ts';
import { StoreFailure } from '../persistence/database/database.ts';
import type { Config } from './config.ts';
import { prettyLine } from './pretty-line.ts';
import { boundedLines } from './repeated-lines.ts';

/** An error for the log: what happened and where, never a value. Our own errors say it; of what others say only fixed texts are told. */
const err = (error: Error): object => {
  if (error instanceof StoreFailure) return { type: error.name, message: error.message, constraint: error.constraint };
  const { type, stack } = stdSerializers.err(error);
  const frames = (stack ?? '').split('\n').filter((line) => line.trimStart().startsWith('at '));
  const cause = error.cause instanceof Error ? { cause: err(error.cause) } : {};
  return {
    type,
    code: (error as { code?: unknown }).code,
    reason: error instanceof OwnError ? error.message : fixedText(error.message),
    stack: frames.slice(0, 8).map((line) => line.trim()),
    ...cause,
  };
};

const BUFFER_BYTES = 8_192;
const FLUSH_MS = 200;

export const levelOf = (config: Config): string => (config.APP_DEBUG ? 'debug' : config.LOG_LEVEL);

export const loggerOptions = (config: Config) => ({
  level: levelOf(config),
  base: null,
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (label: string) => ({ level: label }) },
  serializers: { err },
  hooks: { logMethod: boundedLines() },
});

/** One JSON line per event; readable where a person looks on. */
export const logger = async (config: Config, terminal: boolean): Promise<Logger> => {
  // Many lines with one write; nothing waits longer than the flush, and an orderly end writes the rest.
  if (!terminal || config.APP_ENV === 'production') {
    return pino(loggerOptions(config), pino.destination({ sync: false, minLength: BUFFER_BYTES, periodicFlush: FLUSH_MS }));
  }
  const { default: pretty } = await import('pino-pretty');
  return pino(
    loggerOptions(config),
    pretty({
      sync: true,
      translateTime: 'SYS:HH:MM:ss',
      ignore: 'level',
      hideObject: true,
      messageFormat: prettyLine,
    }) as DestinationStream,
  );
};
