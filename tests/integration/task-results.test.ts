import { randomBytes } from 'node:crypto';
import { Redis as Client } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Task } from '../../src/application/tasks/task.ts';
import { openRedis, type Redis } from '../../src/infrastructure/connections/redis.ts';
import { taskResults } from '../../src/infrastructure/tasks/task-results.ts';
import { findRedis, type OwnServer, startRedis } from '../fixtures/own-servers.ts';
import { newId } from '../fixtures/people.ts';
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
  const looked: string[] = [];
  const find = async (taskId: string): Promise<Task | null> => {
    looked.push(taskId);
    return table.get(taskId) ?? null;
  };
  return {
    looked,
    keyOf: (taskId: string) => `lumin:${deployment}:task:${taskId}`,
    put: (task: Task): string => {
      table.set(task.task_id, task);
      return task.task_id;
    },
    /** The same, in another process. */
    another: () => taskResults({ tasks: { find }, redis, deployment: () => deployment }),
    results: taskResults({ tasks: { find }, redis, deployment: () => deployment }),
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
    redis = patient(openRedis(redisUrl as string, { connections: 2, onError: () => {} }));
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

  it('is asked of the table where Redis holds anything else, which is replaced', async () => {
    const { results, another, looked, put, keyOf } = resultsIn(redis);
    const task = taskWith({ status: 'failed', result_version: null, error: failed });
    const taskId = put(task);
    const with_ = (more: object): string => JSON.stringify({ ...task, ...more });
    const foreign = [
      ...['', '{', 'null', '5', '[]', '{}', '\u0000', with_({}).slice(0, -1)],
      ...[with_({ task_id: 'task_another' }), with_({ user_id: 'nobody' }), with_({ command: 5 }), with_({ attempts: '1' })],
      ...[with_({ status: 'queued' }), with_({ status: 'running' }), with_({ status: 'toString' }), with_({ result_version: 'x' })],
      ...[with_({ finished_at: null }), with_({ finished_at: 'soon' }), with_({ created_at: undefined }), with_({ started_at: {} })],
      ...[
        with_({ error: undefined }),
        with_({ error: 'no' }),
        with_({ error: { code: 'invented' } }),
        with_({ error: { code: 'toString' } }),
      ],
      ...[
        with_({ error: { ...failed, detail: 5 } }),
        with_({ error: { ...failed, errors: 5 } }),
        with_({ error: { ...failed, errors: [null] } }),
      ],
      ...[with_({ error: { ...failed, errors: [{ pointer: 1 }] } }), with_({ error: { ...failed, version: 'x' } })],
    ];
    for (const text of foreign) {
      await client.set(keyOf(taskId), text);
      expect(await results.find(taskId), text).toEqual(task);
      await until('it is replaced', async () => (await client.get(keyOf(taskId))) === with_({}));
    }
    expect(looked).toHaveLength(foreign.length);
    await client.set(keyOf(taskId), with_({ input: { new_email: 'x' }, error: { ...failed, more: 'x' } }));
    expect(await another().find(taskId)).toEqual(task);
    await client.del(keyOf(taskId));
    await client.lpush(keyOf(taskId), 'a list');
    expect(await results.find(taskId)).toEqual(task);
    await client.del(keyOf(taskId));
  });
});

describe.skipIf(findRedis() === undefined)('without Redis, the result of a task [needs an installed redis-server]', () => {
  let server: OwnServer;
  let redis: Redis;
  beforeAll(async () => {
    server = (await startRedis()) as OwnServer;
    redis = openRedis(server.url, { connections: 2, onError: () => {} });
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
