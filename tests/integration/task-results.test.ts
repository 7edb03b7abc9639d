import { randomBytes } from 'node:crypto';
import { Redis as Client } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Task } from '../../src/application/tasks/task.ts';
import { authenticationCode } from '../../src/infrastructure/authentication-code.ts';
import { openRedis, type Redis } from '../../src/infrastructure/connections/redis.ts';
import { taskResults } from '../../src/infrastructure/tasks/task-results.ts';
import { findRedis, type OwnServer, startRedis } from '../fixtures/own-servers.ts';
import { newId } from '../fixtures/people.ts';
import { told } from '../fixtures/told.ts';
import { until } from '../fixtures/until.ts';

const redisUrl = inject('redisUrl');
/** A request may lose 20 ms to Redis; a busy machine some more. */
const SOON_MS = 10_000;
/** What is judged here is not that. */
const patient = (redis: Redis): Redis => ({ ...redis, call: (work) => redis.call(work, SOON_MS) });

/** Results over a table of made-up tasks, which counts who looks into it. */
const resultsIn = (redis: Redis) => {
  const table = new Map<string, Task>();
  const deployment = randomBytes(6).toString('hex');
  let clock = Date.now();
  let rejected = 0;
  const code = authenticationCode(() => deployment, 'task results');
  const looked: string[] = [];
  const find = async (taskId: string): Promise<Task | null> => {
    looked.push(taskId);
    return table.get(taskId) ?? null;
  };
  const options = { tasks: { find }, redis, deployment: () => deployment, code, now: () => new Date(clock), onRejected: () => rejected++ };
  const open = () => taskResults(options);
  return {
    looked,
    rejected: () => rejected,
    later: (ms: number) => {
      clock += ms;
    },
    code,
    keyOf: (taskId: string) => `lumin:${deployment}:result:${taskId}`,
    put: (task: Task): string => {
      table.set(task.task_id, task);
      return task.task_id;
    },
    /** The same, in another process. */
    another: open,
    results: open(),
  };
};

const at = new Date('2026-03-01T12:00:00.123Z');
let tasks = 0;
const taskWith = (more: Partial<Task> = {}): Task => ({
  ...{ task_id: `task_${++tasks}`, command: 'change_email', user_id: newId(), status: 'succeeded', attempts: 1 },
  ...{ created_at: at, started_at: at, finished_at: at, result_version: 2, error: null },
  ...more,
});
const failed = { code: 'email-taken', errors: [{ pointer: '/new_email', code: 'email-taken', detail: 'somebody else has it' }] };

describe.skipIf(redisUrl === null)('the result of a task [needs Redis: set TEST_REDIS_URL or install it]', () => {
  let redis: Redis;
  let client: Client;
  beforeAll(async () => {
    redis = patient(openRedis(redisUrl as string, { connections: 2, log: told().log }));
    client = new Client(redisUrl as string);
    await until('Redis is there', redis.available);
  });
  afterAll(async () => {
    await redis?.close();
    client?.disconnect();
  });

  it.each([
    ['success', taskWith()],
    ['failure', taskWith({ status: 'failed', result_version: null, error: failed })],
    ['cancellation before it was begun', taskWith({ status: 'cancelled', attempts: 0, started_at: null, result_version: null })],
  ])('is asked of the table once, whatever process asks: %s', async (_, task) => {
    const { results, another, looked, put, keyOf } = resultsIn(redis);
    const taskId = put(task);
    expect(await results.find(taskId)).toEqual(task);
    await until('it is in Redis', () => client.exists(keyOf(taskId)));
    expect(await another().find(taskId)).toEqual(task);
    expect(looked).toEqual([taskId]);
  });

  it('is put in Redis when the task ends, for an hour', async () => {
    const { results, another, looked, put, keyOf } = resultsIn(redis);
    const ids = Array.from({ length: 300 }, () => put(taskWith()));
    for (const taskId of ids) results.ended(taskId);
    for (const taskId of ids) await until('it is in Redis', () => client.exists(keyOf(taskId)));
    const seconds = await client.ttl(keyOf(ids[0] as string));
    expect(seconds).toBeGreaterThan(3_500);
    expect(seconds).toBeLessThanOrEqual(3_600);
    await Promise.all(ids.map((taskId) => another().find(taskId)));
    expect(looked.toSorted()).toEqual(ids.toSorted());
  });

  it.each([
    ['waits', { status: 'queued', attempts: 0, started_at: null }],
    ['runs', { status: 'running' }],
  ] as const)('is not kept while the task %s', async (_, more) => {
    const { results, looked, put, keyOf } = resultsIn(redis);
    const taskId = put(taskWith({ ...more, finished_at: null, result_version: null }));
    await results.find(taskId);
    const ended = put(taskWith());
    await results.find(ended);
    await until('the other one is in Redis', () => client.exists(keyOf(ended)));
    expect(await client.exists(keyOf(taskId))).toBe(0);
    await results.find(taskId);
    expect(looked).toEqual([taskId, ended, taskId]);
    expect(await results.find('task_nobody')).toBeNull();
  });

  describe('that a stranger has written to', () => {
    const task = taskWith({ status: 'failed', result_version: null, error: failed });
    const rig = () => {
      const world = resultsIn(redis);
      world.put(task);
      const key = world.keyOf(task.task_id);
      return { ...world, key, sealed: (text: string, name = key) => world.code.seal(name, text) };
    };
    const json = JSON.stringify({ ...task, status: 'succeeded', error: null });
    const at = Date.now();

    it.each<[string, (world: ReturnType<typeof rig>) => string]>([
      ['nothing of ours', () => 'x'],
      ['a space', () => ' '],
      ['JSON', () => json],
      ['bytes that are no text', () => '\u0000\ufffd'],
      ['a code of nothing', () => `${'A'.repeat(43)} ${at} ${json}`],
      ['a code that is too short', () => `A ${at} ${json}`],
      ['another text under our code', ({ sealed }) => `${sealed(`${at} ${JSON.stringify(task)}`).split(' ')[0]} ${at} ${json}`],
      ['another time under our code', ({ sealed }) => sealed(`${at} ${json}`).replace(` ${at} `, ` ${at + 1} `)],
      ['what belongs to another task', ({ sealed, keyOf }) => sealed(`${at} ${json}`, keyOf('task_another'))],
      ['what another secret has sealed', ({ key }) => authenticationCode(() => 'other', 'task results').seal(key, `${at} ${json}`)],
      [
        'what is sealed for another purpose',
        ({ key, keyOf }) => authenticationCode(() => keyOf('').split(':')[1] ?? '', 'users in Redis').seal(key, `${at} ${json}`),
      ],
      ['a copy of more than an hour ago', ({ sealed }) => sealed(`${at - 3_700_000} ${json}`)],
      ['a copy of tomorrow', ({ sealed }) => sealed(`${at + 86_400_000} ${json}`)],
      ['millions of characters', () => 'x'.repeat(3_000_000)],
    ])('is asked of the table where Redis holds %s, which is counted and replaced', async (_, forged) => {
      const world = rig();
      await client.set(world.key, forged(world));
      expect(await world.results.find(task.task_id)).toEqual(task);
      expect(world.rejected()).toBe(1);
      await until('it is replaced', async () => world.code.open(world.key, (await client.get(world.key)) ?? '') !== null);
      expect(await world.another().find(task.task_id)).toEqual(task);
      expect(world.looked).toEqual([task.task_id]);
    });

    it('is asked of the table where Redis holds no text', async () => {
      const { results, key } = rig();
      await client.lpush(key, 'a list');
      expect(await results.find(task.task_id)).toEqual(task);
      await client.del(key);
    });

    it('is not told by an old copy that is put back after its hour', async () => {
      const { results, key, later, looked } = rig();
      await results.find(task.task_id);
      const copy = (await until('it is in Redis', () => client.get(key))) as string;
      later(3_700_000);
      await client.set(key, copy);
      await results.find(task.task_id);
      expect(looked).toHaveLength(2);
    });
  });
});

describe.skipIf(findRedis() === undefined)('without Redis, the result of a task [needs an installed redis-server]', () => {
  let server: OwnServer;
  let redis: Redis;
  beforeAll(async () => {
    server = (await startRedis()) as OwnServer;
    redis = openRedis(server.url, { connections: 2, log: told().log });
  });
  afterAll(async () => {
    await redis?.close();
    await server?.stop();
  });

  it.each([
    ['that is frozen', 'freeze', 'thaw'],
    ['that is gone', 'kill', 'restart'],
  ] as const)('%s, is there all the same, soon, and kept again afterwards', async (_, fault, mend) => {
    await until('Redis is there', redis.available);
    const { results, looked, put } = resultsIn(redis);
    const ids = Array.from({ length: 20 }, () => put(taskWith()));
    await server[fault]();
    for (const taskId of ids) {
      const asked = performance.now();
      results.ended(taskId);
      expect(await results.find(taskId)).toMatchObject({ task_id: taskId, status: 'succeeded' });
      expect(performance.now() - asked).toBeLessThan(SOON_MS);
    }
    await server[mend]();
    await until('Redis is there again', redis.available);
    const taskId = put(taskWith());
    await until('the table is not asked', async () => {
      const before = looked.length;
      await results.find(taskId);
      return looked.length === before;
    });
  });
});
