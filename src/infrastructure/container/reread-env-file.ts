import { changedSettings, InvalidConfig, readConfig } from './config.ts';
import { loadEnvFile } from './env-file.ts';
import { levelOf } from './logger.ts';

/** What a process takes over while it runs. */
const LIVE = ['LOG_LEVEL', 'APP_DEBUG'];

/**
 * Reads the file .env again. Where something in it is wrong, all stays as it is. `environment` is what was there before the file was
 * read at the start, `inForce` what is since.
 * @returns the level of the log from now on, and in one line, which names variables and holds no values, what else needs a restart
 */
export const rereadEnvFile = (
  was: string,
  environment: NodeJS.ProcessEnv,
  inForce: NodeJS.ProcessEnv,
  file = '.env',
): { level: string; text: string } => {
  try {
    const env = { ...environment };
    const told = loadEnvFile(env, file);
    const level = levelOf(readConfig(env));
    const fixed = LIVE.filter((name) => environment[name] !== undefined);
    const waiting = changedSettings(inForce, env).filter((name) => !LIVE.includes(name));
    const parts = [
      `${file} was read again: the level of the log is ${level}, it was ${was}`,
      ...(fixed.length > 0 ? [`of the environment, which counts for more and needs a restart: ${fixed.join(', ')}`] : []),
      ...(waiting.length > 0 ? [`changed, and needs a restart: ${waiting.join(', ')}`] : []),
      ...told,
    ];
    return { level, text: parts.join('; ') };
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error;
    const text = `${file} was read again and nothing is taken from it; the level of the log stays ${was}: ${error.mistakes.join('; ')}`;
    return { level: was, text };
  }
};
