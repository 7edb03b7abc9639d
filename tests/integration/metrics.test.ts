import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { METHODS } from 'node:http';
import { resolve } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { commands } from '../../src/application/commands/index.ts';
import { catalogue } from '../../src/domain/problem.ts';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { metricOf, type Series, seriesOf } from '../fixtures/exposition.ts';
import { aUser, commandsOnUser, created } from '../fixtures/http.ts';
import { type Service, startService } from '../fixtures/http-service.ts';
import { liveUrl, subscribeLive } from '../fixtures/live-client.ts';
import { expressions } from '../fixtures/monitoring.ts';
import { metricsIn, promtool } from '../fixtures/promtool.ts';
import { type Random, seeded } from '../fixtures/seeded.ts';
import { startProxy } from '../fixtures/tcp-proxy.ts';
import { until } from '../fixtures/until.ts';

const [redisUrl, natsUrl] = [inject('redisUrl'), inject('natsUrl')];
const postgres = storeKinds().filter(({ name }) => name.startsWith('PostgreSQL'));
const all = redisUrl !== null && natsUrl !== null;
const needed = all ? '' : ' [needs Redis and NATS: set TEST_REDIS_URL and TEST_NATS_URL or install them]';

describe.each(postgres)(`the metrics of a service on $name, Redis and NATS${needed}`, ({ available, make }) => {
  const test = it.skipIf(!available || !all);
  let store: Store;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let service: Service;
  const own = `m${randomBytes(5).toString('hex')}`;

  const scrape = async (): Promise<string> => (await service.request('GET', '/metrics')).text;
  const ours = async (): Promise<Series[]> => seriesOf(await scrape()).filter(({ name }) => name.startsWith('lumin_'));
  const sample = async (name: string, labels: Record<string, string> = {}): Promise<number | undefined> =>
    (await ours()).find((series) => series.name === name && Object.entries(labels).every(([key, value]) => series.labels[key] === value))
      ?.value;

  beforeAll(async () => {
    if (!available || !all) return;
    store = await make();
    proxy = await startProxy(store.url);
    const env = { REDIS_URL: redisUrl ?? '', NATS_URL: natsUrl ?? '', NATS_STREAM: own, NATS_SUBJECT_PREFIX: own };
    service = await startService(proxy.url, { env });
  });
  afterAll(async () => {
    await service?.stop();
    await proxy?.close();
    await store?.drop();
    if (!available || !all) return;
    const nats = await connectNats({ servers: new URL(natsUrl ?? '').host });
    const { streams } = await jetstreamManager(nats);
    for (const name of [own, `${own}-tasks`]) await streams.delete(name).catch(() => {});
    await nats.close();
  });

  test('tell of requests, commands, batches, cache, relay, tasks and connections', async () => {
    const { user_id } = await created(service);
    const url = `/api/users/${user_id}`;
    await service.request('GET', url);
    await service.request('PATCH', `${url}/bio`, { new_bio: 'Short.' }, { prefer: 'respond-async' });
    await service.request('PATCH', `${url}/bio`, { new_bio: 'Shorter.' }, { 'idempotency-key': own });
    await service.request('PATCH', `${url}/bio`, { new_bio: 'Shorter.' }, { 'idempotency-key': own });
    await service.request('PATCH', `${url}/email`, { new_email: 'x@example.com' }, { 'if-match': '"99"' });
    await until('the task is done', () => sample('lumin_task_runs_total', { command: 'change_bio', outcome: 'done' }));
    await until('all is published', async () => (await sample('lumin_relay_published_events_total')) === 3);

    const route = '/api/users/:user_id/bio';
    expect(await sample('lumin_http_requests_total', { method: 'PATCH', route, status: '200' })).toBe(2);
    expect(await sample('lumin_http_requests_total', { method: 'PATCH', route, status: '202' })).toBe(1);
    expect(await sample('lumin_http_request_duration_seconds_count', { method: 'PATCH', route })).toBe(3);
    for (const outcome of ['accepted', 'done', 'replayed'])
      expect(await sample('lumin_commands_total', { command: 'change_bio', outcome }), outcome).toBe(1);
    expect(await sample('lumin_commands_total', { command: 'change_email', outcome: 'version-conflict' })).toBe(1);
    expect(await sample('lumin_batch_changes_sum')).toBeGreaterThanOrEqual(4);
    expect(await sample('lumin_batch_commit_duration_seconds_sum')).toBeGreaterThan(0);
    const reads = (await ours()).filter(({ name }) => name === 'lumin_cache_reads_total');
    expect(reads.map(({ labels }) => labels.level)).toEqual(['memory', 'redis', 'store']);
    expect(reads.reduce((sum, { value }) => sum + value, 0)).toBeGreaterThan(0);
    expect(await sample('lumin_log_position')).toBe(3);
    await until('the relay has noted it', async () => (await sample('lumin_relay_position')) === 3);
    expect(await sample('lumin_relay_lag_seconds')).toBe(0);
    expect(await sample('lumin_relay_leading')).toBe(1);
    expect(await sample('lumin_tasks', { status: 'queued' })).toBe(0);
    expect(await sample('lumin_database_pool_connections', { state: 'idle' })).toBeGreaterThan(0);
    expect(await sample('nodejs_eventloop_lag_p99_seconds')).toBeUndefined();
    expect(await scrape()).toMatch(/^nodejs_eventloop_lag_p99_seconds \d/m);
    for (const dependency of ['store', 'redis', 'nats'])
      await until(`${dependency} is up`, async () => (await sample('lumin_dependency_up', { dependency })) === 1);
    expect(await sample('lumin_ready')).toBe(1);
  });

  test('count those who follow the live feed, and neither a live connection nor a request given up as in progress', async () => {
    const url = await liveUrl(service);
    const clients = await Promise.all([subscribeLive(url), subscribeLive(url)]);
    expect(await sample('lumin_live_feed_clients')).toBe(2);
    const cut = new AbortController();
    const waiting = fetch(`${url.replace('ws', 'http').replace(/\/ws$/, '')}/api/users`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode('{')) }),
      duplex: 'half',
      signal: cut.signal,
    } as RequestInit).catch(() => {});
    // The reading itself is one.
    await until('the request is in progress', async () => (await sample('lumin_http_requests_in_progress')) === 2);
    cut.abort();
    await waiting;
    await until('it no longer is', async () => (await sample('lumin_http_requests_in_progress')) === 1);
    for (const client of clients) await client.close();
    await until('nobody follows', async () => (await sample('lumin_live_feed_clients')) === 0);
  });

  test('have no label value that a client made up, and nothing personal, whatever is sent', async () => {
    await seeded(async (random) => {
      const { user_id } = await created(service);
      const seen: string[] = [];
      for (let count = 0; count < 400; count++) {
        const word = `canary${random.below(2 ** 31).toString(36)}`;
        seen.push(word);
        await send(random, user_id, word);
      }
      const statuses = /^(?:2\d\d|3\d\d|4\d\d|503)$/;
      const allowed: Record<string, (value: string) => boolean> = {
        method: (value) => ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'other'].includes(value),
        route: (url) => url === 'other' || METHODS.some((method) => service.server.hasRoute({ method: method as 'GET', url })),
        status: (value) => statuses.test(value) || ['queued', 'scheduled', 'running'].includes(value),
        command: (value) => Object.hasOwn(commands, value),
        outcome: (value) => ['done', 'accepted', 'replayed'].includes(value) || Object.hasOwn(catalogue, value),
        level: (value) => ['memory', 'redis', 'store'].includes(value),
        dependency: (value) => ['store', 'redis', 'nats'].includes(value),
        state: (value) => ['busy', 'idle'].includes(value),
        stream: (value) => ['events', 'tasks'].includes(value),
        version: (value) => value === 'unknown',
        role: (value) => value === 'all',
        le: (value) => value === '+Inf' || Number(value) > 0,
      };
      for (const { name, labels } of await ours())
        for (const [label, value] of Object.entries(labels)) expect(allowed[label]?.(value), `${name} ${label}=${value}`).toBe(true);
      const text = await scrape();
      expect(text).not.toMatch(/canary|79995550/i);
      for (const word of seen) expect(text).not.toContain(Buffer.from(word).toString('base64url').slice(0, -2));
      expect(text).not.toContain(user_id);
    });
  });

  /** One request with the word in some place. */
  const send = async ({ below, pick }: Random, user_id: string, word: string): Promise<void> => {
    const command = pick(commandsOnUser);
    const url = `/api/users/${user_id}`;
    const body = { new_bio: word, new_email: `${word}@example.com`, reason: word, [word]: word };
    const paths = [
      `/${word}`,
      `/api/users/${word}`,
      `${url}/${word}`,
      `${url}${command.path}`,
      `/problems/${word}`,
      `/docs/static/${word}`,
      '/health',
    ];
    const headers = { 'x-request-id': word, 'user-agent': word, 'idempotency-key': word, origin: `https://${word}.example` };
    const kinds = [
      () => service.server.inject({ method: pick(METHODS) as 'GET', url: pick(paths), headers }),
      () => service.server.inject({ method: command.method, url: `${url}${command.path}?new_bio=${word}`, headers, payload: body }),
      () =>
        service.server.inject({
          method: 'POST',
          url: '/api/users',
          headers,
          payload: aUser({ username: { first_name: 'Jo', last_name: 'Canary' }, phone: `+79995550${100 + below(900)}` }),
        }),
      () => service.server.inject({ method: 'GET', url: `/api/users?q=${word}&${word}=${word}`, headers }),
      () => service.server.inject({ method: 'POST', url: '/api/users', headers: { ...headers, 'content-type': word }, payload: word }),
    ];
    // A method that Node's parser would refuse too.
    await pick(kinds)().catch(() => {});
  };

  test('are those of docs/metrics.md, name by name, with type and labels', async () => {
    const text = await scrape();
    const types = Object.fromEntries([...text.matchAll(/^# TYPE (lumin_\w+) (\w+)$/gm)].map(([, name, type]) => [name, type]));
    const rows = readFileSync(resolve(import.meta.dirname, '../../docs/metrics.md'), 'utf8').matchAll(
      /^\| `(lumin_\w+)` \| (\w+) \|([^|]*)\|/gm,
    );
    const documented = [...rows].map(([, name = '', type = '', labels = '']) => ({ name, type, labels: labels.match(/\w+/g) ?? [] }));
    expect(Object.fromEntries(documented.map(({ name, type }) => [name, type]))).toEqual(types);
    const series = seriesOf(text);
    for (const { name, labels } of documented) {
      const found = series.find((one) => metricOf(one.name) === name || one.name === name);
      if (found)
        expect(
          Object.keys(found.labels)
            .filter((label) => label !== 'le')
            .sort(),
          name,
        ).toEqual(labels.sort());
    }
  });

  test('include every metric that the dashboard and the alert rules name', async () => {
    const names = new Set(seriesOf(await scrape()).map(({ name }) => name));
    const wanted = new Set(expressions.flatMap(metricsIn));
    expect(wanted.size).toBeGreaterThan(30);
    expect([...wanted].filter((name) => !names.has(name))).toEqual([]);
  });

  it.skipIf(!available || !all || !promtool.installed)(`are as Prometheus wants them${promtool.needed}`, async () => {
    expect(promtool.check(['check', 'metrics'], await scrape())).toBe('');
  });

  test('are read at once while the database hangs or is away, without what it would say; and whole again when it is back', async () => {
    for (const mode of ['blackhole', 'refuse'] as const) {
      await proxy.set(mode);
      if (mode === 'refuse') proxy.cutAll();
      const started = performance.now();
      const answer = await service.request('GET', '/metrics');
      expect(performance.now() - started).toBeLessThan(10_000);
      expect(answer.status).toBe(200);
      expect(await sample('lumin_ready')).toBe(0);
      expect(await sample('lumin_dependency_up', { dependency: 'store' })).toBe(0);
      await until('Redis is up', async () => (await sample('lumin_dependency_up', { dependency: 'redis' })) === 1);
      for (const name of ['lumin_tasks', 'lumin_log_position', 'lumin_relay_has_leader']) expect(await sample(name), name).toBeUndefined();
      await proxy.set('pass');
      await until('it is ready', async () => (await sample('lumin_ready')) === 1);
      await until('tasks are counted', async () => (await sample('lumin_tasks')) !== undefined);
    }
  });
});
