import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Problem, type ProblemCode } from '../../src/domain/problem.ts';
import { readConfig } from '../../src/infrastructure/container/config.ts';
import { buildApp } from '../../src/infrastructure/container/container.ts';
import type { Api } from '../../src/presentation/api/dependencies.ts';
import { buildServer } from '../../src/presentation/api/server.ts';
import { buildWorkerServer } from '../../src/presentation/api/worker-server.ts';
import { type StoreKind, storeKinds } from '../fixtures/database-kinds.ts';
import { aUser, commandsOnUser } from '../fixtures/http.ts';
import { freePort } from '../fixtures/own-servers.ts';
import { until } from '../fixtures/until.ts';

const ORIGIN = 'https://app.example.com';
const ID = '550e8400-e29b-41d4-a716-446655440000';

/** An application that refuses everything with one problem, or breaks. */
const refusing = (state: ReturnType<Api['state']>, code: ProblemCode | 'break'): Api => {
  const refuse = () => Promise.reject(code === 'break' ? new TypeError('secret detail of john@example.com') : new Problem(code));
  return {
    execute: refuse,
    accept: refuse,
    getById: refuse,
    getHistory: refuse,
    getProfile: refuse,
    getProfileViews: refuse,
    listUsers: refuse,
    getTask: refuse,
    awaitTask: refuse,
    liveFeed: { head: refuse, follow: () => () => {} },
    checkReady: refuse,
    metrics: refuse,
    beginRequest: () => () => {},
    observeRequest: () => {},
    unserved: () => {},
    health: () => Promise.resolve({ checks: { store: 'unavailable' } }),
    now: () => new Date(),
    newUserId: () => ID,
    hash: (text) => text,
    state: () => state,
    startProblem: () => (state === 'starting' ? new Problem(code as ProblemCode) : null),
  };
};

/** The presentation layer alone, on such an application. */
const serverOn = (...application: Parameters<typeof refusing>) =>
  buildServer(refusing(...application), {
    log: pino({ level: 'silent' }),
    version: '0',
    allowedOrigins: [ORIGIN],
    newRequestId: () => 'one',
  });

const requests = [
  { method: 'POST' as const, url: '/api/users', payload: aUser() },
  { method: 'GET' as const, url: `/api/users/${ID}` },
  { method: 'GET' as const, url: `/api/users/${ID}/events` },
  { method: 'GET' as const, url: `/api/users/tasks/task_${'0'.repeat(26)}` },
  ...commandsOnUser.map(({ method, path, body }) => ({ method, url: `/api/users/${ID}${path}`, ...(body && { payload: body }) })),
];

describe.each([
  { state: 'starting', refusal: 'starting' },
  { state: 'starting', refusal: 'store-unavailable' },
  { state: 'serving', refusal: 'store-unavailable' },
  { state: 'serving', refusal: 'outcome-unknown' },
  { state: 'serving', refusal: 'overloaded' },
  { state: 'stopping', refusal: 'shutting-down' },
] as const)('a process that is $state, and $refusal', ({ state, refusal: expected }) => {
  let server: Awaited<ReturnType<typeof serverOn>>;
  beforeAll(async () => {
    server = await serverOn(state, expected);
  });
  afterAll(() => server.close());

  it.each(requests)('answers $method $url with 503, Retry-After and a problem', async (request) => {
    const { statusCode, headers, json } = await server.inject({ ...request, headers: { origin: ORIGIN } });
    expect(statusCode).toBe(503);
    expect(headers['access-control-allow-origin']).toBe(ORIGIN);
    expect(headers['retry-after']).toBe('1');
    expect(json()).toMatchObject({ code: expected, status: 503, type: `/problems/${expected}`, request_id: 'one' });
  });

  it('is alive, is not ready, and says so; its documentation is there', async () => {
    const get = (url: string) => server.inject({ url });
    expect((await get('/health/live')).json()).toEqual({ status: 'ok' });
    const ready = await get('/health/ready');
    expect(ready.statusCode).toBe(503);
    expect(ready.json().code).toBe(expected);
    const health = await get('/health');
    expect(health.statusCode).toBe(200);
    expect(health.json()).toEqual({ status: 'degraded', checks: { store: 'unavailable' } });
    for (const url of ['/docs', '/openapi.json', '/problems/store-unavailable']) expect((await get(url)).statusCode).toBe(200);
  });
});

describe('a process that has not begun to serve', () => {
  const openOn = async (env: Record<string, string>) => {
    const tries: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => tries.push(line) });
    const app = await buildApp(readConfig({ APP_ENV: 'test', ...env }), log);
    const server = await buildServer(app, { log: pino({ level: 'silent' }), version: '0', allowedOrigins: [], newRequestId: () => 'one' });
    await server.ready();
    onTestFinished(async () => {
      await server.close();
      await app.stop();
    });
    const codes = () => Promise.all(['/api/users', '/health/ready', '/ws'].map(async (url) => (await server.inject({ url })).json().code));
    return { start: app.start, codes, tries };
  };

  it('says that it starts; once it could not reach the database, that', async () => {
    const { start, codes } = await openOn({ DATABASE_URL: `postgresql://127.0.0.1:${await freePort()}/lumin` });
    expect(await codes()).toEqual(Array(3).fill('starting'));
    await start();
    await until('it has tried', async () => (await codes()).every((code) => code === 'store-unavailable'));
  });

  const postgres = storeKinds().at(-1) as StoreKind;
  it.skipIf(!postgres.available)('says that it starts while it waits for the migration of a database that answers', async () => {
    const store = await postgres.make();
    onTestFinished(store.drop);
    const { start, codes, tries } = await openOn({ DATABASE_URL: store.url, MIGRATE_ON_START: 'false' });
    await start();
    await until('it has tried', () => tries.some((line) => line.includes('npm run migrate')));
    expect(await codes()).toEqual(Array(3).fill('starting'));
  });
});

describe('a lone worker', () => {
  it('refuses as the API does: with problems and the same headers', async () => {
    const health = refusing('serving', 'store-unavailable');
    const server = await buildWorkerServer(health, { log: pino({ level: 'silent' }), newRequestId: () => 'one', now: () => new Date() });
    for (const [method, url, code] of [
      ['GET', '/nothing', 'not-found'],
      ['GET', '/%ZZ', 'malformed-request'],
      ['DELETE', '/health', 'method-not-allowed'],
      ['GET', '/health/ready', 'store-unavailable'],
    ] as const) {
      const answer = await server.inject({ method, url });
      expect(answer.json()).toMatchObject({ code, request_id: 'one' });
      expect(answer.headers).toMatchObject({
        'x-request-id': 'one',
        'x-content-type-options': 'nosniff',
        'cache-control': 'private, no-cache',
      });
    }
    await server.close();
  });
});

describe('a mistake of ours', () => {
  it('is a 500 that tells nothing but the request id', async () => {
    const server = await serverOn('serving', 'break');
    for (const request of requests) {
      const answer = await server.inject(request);
      expect(answer.statusCode).toBe(500);
      expect(answer.json()).toMatchObject({ code: 'internal-error', request_id: 'one' });
      expect(answer.payload).not.toMatch(/secret|john|TypeError|\.ts/);
    }
    await server.close();
  });
});
