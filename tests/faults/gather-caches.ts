import { Redis } from 'ioredis';
import { until } from '../fixtures/until.ts';
import type { Evidence } from './evidence.ts';

const AT_ONCE = 20;

type Cached = Evidence['cached'][number];

/** Which version of each user a plain read gives at each instance. */
export const readCaches = async (instances: readonly string[], userIds: readonly string[]): Promise<Cached[]> => {
  const cached: Cached[] = [];
  const reads = instances.flatMap((where) => userIds.map((user_id) => ({ where, user_id })));
  const read = async (): Promise<void> => {
    for (let next = reads.pop(); next; next = reads.pop()) {
      const answer = await fetch(`${next.where}/api/users/${next.user_id}`);
      await answer.body?.cancel();
      cached.push({ ...next, version: Number(/^"(\d+)"$/.exec(answer.headers.get('etag') ?? '')?.[1] ?? 0) });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, read));
  return cached;
};

/** One command, past the service. */
export const ask = async (url: string, ...command: [string, ...string[]]): Promise<unknown> => {
  const redis = new Redis(url);
  try {
    return await redis.call(...command);
  } finally {
    redis.disconnect();
  }
};

/** What Redis holds under the keys that are in force, which the record of the log names, once that is at the end of the log: until then nobody trusts it. @throws where Redis does not come into use again */
export const readRedis = async (url: string, head: number): Promise<Cached[]> => {
  const redis = new Redis(url);
  try {
    const cached: Cached[] = [];
    const records = (): Promise<string[]> => redis.keys('lumin:*:log');
    await until('everything is announced in Redis', async () => {
      const texts = await Promise.all((await records()).map((record) => redis.get(record)));
      return texts.some((text) => Number(text?.split(' ')[1]) >= head);
    });
    for (const record of await records()) {
      const began = (await redis.get(record))?.split(' ')[0];
      const prefix = `${record.slice(0, -'log'.length)}${began}:`;
      const keys = await redis.keys(`${prefix}*`);
      const texts = keys.length > 0 ? await redis.mget(keys) : [];
      for (const [index, key] of keys.entries()) {
        const version = Number.parseInt(texts[index] ?? '', 10);
        // It may have expired since.
        if (!Number.isNaN(version)) cached.push({ where: 'Redis', user_id: key.slice(prefix.length), version });
      }
    }
    return cached;
  } finally {
    redis.disconnect();
  }
};
