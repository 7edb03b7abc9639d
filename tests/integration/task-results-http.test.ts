import { randomBytes } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Redis as Client } from 'ioredis';
import { pino } from 'pino';
import { describe, expect, inject, it } from 'vitest';
import { Problem } from '../../src/domain/problem.ts';
import { buildServer } from '../../src/presentation/api/server.ts';
import { anyStore } from '../fixtures/database-kinds.ts';
import { created } from '../fixtures/http.ts';
import { startService } from '../fixtures/http-service.ts';
import { until } from '../fixtures/until.ts';

const [natsUrl, redisUrl] = [inject('natsUrl'), inject('redisUrl')];

describe('a client that waits for a task', () => {
  it('is told that it was accepted, where nobody can see what came of it', async () => {
    const store = await anyStore();
    const service = await startService(store.url);
    const api = { ...service.app, awaitTask: () => Promise.reject(new Problem('store-unavailable')) };
    const server = await buildServer(api, { log: pino({ level: 'silent' }), version: '0', allowedOrigins: [], newRequestId: () => 'one' });
    const { user_id } = await created(service);
    const { statusCode, headers } = await server.inject({
      ...{ method: 'PATCH', url: `/api/users/${user_id}/email?new_email=${user_id}@example.com`, headers: { prefer: 'wait=5' } },
    });
    expect(statusCode).toBe(202);
    const taskId = headers.location?.split('/').at(-1) ?? '';
    expect(await service.app.awaitTask(taskId, 5_000)).toMatchObject({ status: 'succeeded' });
    await server.close();
    await service.stop();
    await store.drop();
  });
});

describe.skipIf(natsUrl === null || redisUrl === null)('tasks over NATS with results in Redis [needs NATS and Redis]', () => {
  it('leave nothing personal in messages, subjects, results and log lines', async () => {
    const unique = `t${randomBytes(5).toString('hex')}`;
    const nats = await connect({ servers: new URL(natsUrl as string).host });
    const redis = new Client(redisUrl as string);
    const heard: string[] = [];
    nats.subscribe(`${unique}.tasks.>`, { callback: (_, { subject, data }) => void heard.push(`${subject} ${Buffer.from(data)}`) });
    await nats.flush();
    const env = { NATS_URL: natsUrl as string, REDIS_URL: redisUrl as string, NATS_STREAM: unique, NATS_SUBJECT_PREFIX: unique };
    const store = await anyStore();
    const service = await startService(store.url, { env });

    const canary = `canary-${unique}`;
    const person = await created(service);
    await created(service, { email: `${canary}-taken@example.com` });
    const at = `/api/users/${person.user_id}`;
    const accepted = [
      await service.request('PATCH', `${at}/email`, { new_email: `${canary}-new@example.com` }),
      await service.request('PATCH', `${at}/username`, { first_name: canary }, { prefer: 'respond-async' }),
      await service.request('POST', `${at}/block`, { reason: canary }, { prefer: 'respond-async' }),
      // Refused by then: the user is blocked.
      await service.request('PATCH', `${at}/bio`, { new_bio: canary }, { prefer: 'respond-async' }),
    ].filter(({ status }) => status === 202);
    expect(accepted.length).toBeGreaterThan(1);
    for (const { body } of accepted) expect((await service.app.awaitTask(body.task_id, 10_000)).finished_at).not.toBeNull();
    const results: string[] = [];
    const pattern = `lumin:${service.app.hash('deployment').slice(0, 12)}:*:result:*`;
    await until('the results are in Redis', async () => {
      const keys: string[] = [];
      for await (const found of redis.scanStream({ match: pattern, count: 1_000 })) keys.push(...found);
      const unique = [...new Set(keys)];
      results.splice(0, results.length, ...(await Promise.all(unique.map(async (key) => `${key} ${await redis.get(key)}`))));
      return unique.length === accepted.length;
    });
    await service.stop();
    expect(results.join()).toContain('"status":"succeeded"');
    expect(heard.length).toBeGreaterThanOrEqual(accepted.length);
    for (const text of [...heard, ...results, ...service.logs]) expect(text).not.toContain('canary');

    const { streams } = await jetstreamManager(nats);
    for (const stream of [unique, `${unique}-tasks`]) await streams.delete(stream);
    await nats.close();
    redis.disconnect();
    await store.drop();
  });
});
