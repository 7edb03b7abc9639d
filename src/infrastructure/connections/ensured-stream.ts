import { JetStreamApiCodes, JetStreamApiError, type JetStreamManager, type StreamConfig, type StreamInfo } from '@nats-io/jetstream';

/**
 * nats-server says that a stream is gone before it has removed its files. A stream that is made under the name meanwhile loses
 * its own with them: it takes messages, counts them, and none can be read (seen on 2.9.10). So it is made this much later.
 */
const GONE_MS = 2_000;

type Wanted = Partial<StreamConfig> & Pick<StreamConfig, 'name' | 'subjects'>;

/**
 * Makes a stream where it is missing, and adds our subjects where somebody else made it.
 * @throws JetStreamApiError, of the code StreamNotFound where it was there and has only just gone
 */
export const ensuredStream = (wanted: Wanted) => {
  let seen = false;
  let missingSince: number | null = null;

  const found = async ({ streams }: JetStreamManager): Promise<StreamInfo> => {
    try {
      return await streams.info(wanted.name);
    } catch (error) {
      if (!(error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound)) throw error;
      missingSince ??= performance.now();
      if (seen && performance.now() - missingSince < GONE_MS) throw error;
      return streams.add(wanted);
    }
  };

  return async (manager: JetStreamManager): Promise<StreamInfo> => {
    const info = await found(manager);
    seen = true;
    missingSince = null;
    const lacking = wanted.subjects.filter((subject) => !info.config.subjects.some((pattern) => covers(pattern, subject)));
    if (lacking.length === 0) return info;
    return manager.streams.update(wanted.name, { subjects: [...info.config.subjects, ...lacking] });
  };
};

/** Whether every subject of the second pattern, which ends with >, is one of the first. */
const covers = (pattern: string, other: string): boolean => {
  const tokens = other.split('.');
  return pattern.split('.').every((token, index, all) => {
    if (token === '>') return true;
    return index < Math.min(all.length, tokens.length) - 1 && (token === '*' || token === tokens[index]);
  });
};
