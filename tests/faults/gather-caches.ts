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

/** Waits until a user that `instance` loads from the database is found in Redis. What else lies there is worth what reads make of it. */
export const redisIsUsed = async (url: string, instance: string, userId: string): Promise<void> => {
  await until('Redis is used', async () => {
    const answer = await fetch(`${instance}/api/users/${userId}`, { headers: { 'cache-control': 'no-cache' } });
    await answer.body?.cancel();
    return ((await ask(url, 'keys', `lumin:*:user:*:${userId}`)) as string[]).length > 0;
  });
};
