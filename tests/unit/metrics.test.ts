import { describe, expect, it } from 'vitest';
import { metrics, type Sources } from '../../src/infrastructure/observability/metrics.ts';
import { seriesOf } from '../fixtures/exposition.ts';

const never = () => new Promise<never>(() => {});

const of = (changes: Partial<Sources> = {}) =>
  metrics({
    build: { version: '1.2.3', role: 'all' },
    state: () => 'serving',
    ping: () => Promise.resolve(true),
    writable: () => false,
    servers: { redis: () => true, nats: () => false, task_broker: null },
    relay: () =>
      Promise.resolve({ position: 7, head: 9, lag: 2, leader: true, lagging_ms: 1_500, stream_ahead: false, drops_unread: false }),
    publishing: () => ({ leading: true, published: 5 }),
    tasks: () => Promise.resolve({ queued: 3, scheduled: 2, running: 1, oldest_due_seconds: 4.5 }),
    skipped: () => Promise.resolve(2),
    foreign: () => ({ events: 8, tasks: 0 }),
    logChanges: () => 0,
    cache: () => ({ l1_hits: 10, redis_hits: 5, misses: 2, rejected: 1 }),
    connections: () => ({ open: 5, idle: 2, waiting: 4 }),
    liveClients: () => 6,
    ...changes,
  });

/** Name and labels of every sample of ours, with its value. */
const read = async ({ text }: ReturnType<typeof metrics>): Promise<Record<string, number>> =>
  Object.fromEntries(
    seriesOf(await text())
      .filter(({ name }) => name.startsWith('lumin_'))
      .map(({ name, labels, value }) => [[name, ...Object.values(labels)].join(' '), value]),
  );

describe('the metrics', () => {
  it('say what their sources say, in base units', async () => {
    expect(await read(of())).toMatchObject({
      'lumin_build_info 1.2.3 all': 1,
      lumin_ready: 1,
      'lumin_dependency_up store': 1,
      lumin_store_writable: 0,
      'lumin_dependency_up redis': 1,
      'lumin_dependency_up nats': 0,
      'lumin_cache_reads_total memory': 10,
      'lumin_cache_reads_total redis': 5,
      'lumin_cache_reads_total store': 2,
      lumin_cache_rejected_total: 1,
      lumin_log_position: 9,
      lumin_relay_position: 7,
      lumin_relay_lag_events: 2,
      lumin_relay_lag_seconds: 1.5,
      lumin_relay_has_leader: 1,
      lumin_relay_leading: 1,
      lumin_relay_stream_ahead: 0,
      lumin_relay_stream_drops_unread: 0,
      lumin_relay_published_events_total: 5,
      'lumin_foreign_messages_total events': 8,
      'lumin_tasks queued': 3,
      'lumin_tasks scheduled': 2,
      'lumin_tasks running': 1,
      lumin_task_oldest_due_seconds: 4.5,
      lumin_tasks_dead_total: 0,
      lumin_search_skipped_events: 2,
      lumin_live_feed_clients: 6,
      'lumin_database_pool_connections busy': 3,
      'lumin_database_pool_connections idle': 2,
      lumin_database_pool_waiting: 4,
    });
  });

  it('do not grow from one reading to the next, but where something happened', async () => {
    const measured = of();
    const first = await read(measured);
    expect(await read(measured)).toEqual(first);
    measured.countDeadTask();
    expect(await read(measured)).toEqual({ ...first, lumin_tasks_dead_total: 1 });
  });

  it('leave out what is not there, rather than call it zero', async () => {
    const names = Object.keys(await read(of({ relay: null, publishing: () => null, connections: () => null })));
    expect(names.filter((name) => /relay|log_position|pool/.test(name))).toEqual([]);
    expect(names).not.toContain('lumin_dependency_up task_broker');
  });

  it.each([
    ['fails', () => Promise.reject(new Error('away'))],
    ['hangs', never],
  ])('are read though the database %s: it is not up, the process not ready, and what it would know is left out', async (_, broken) => {
    const samples = await read(of({ ping: broken, relay: broken, tasks: broken, skipped: broken }));
    expect(samples).toMatchObject({
      lumin_ready: 0,
      'lumin_dependency_up store': 0,
      'lumin_dependency_up redis': 1,
      lumin_live_feed_clients: 6,
    });
    expect(
      Object.keys(samples).filter((name) => /log_position|writable|relay_(?:pos|lag|has)|lumin_tasks |oldest|skipped/.test(name)),
    ).toEqual([]);
  });

  it('forget what they knew of a database that is gone', async () => {
    let away = false;
    const measured = of({
      tasks: () => (away ? Promise.reject(new Error()) : Promise.resolve({ queued: 1, scheduled: 0, running: 0, oldest_due_seconds: 0 })),
    });
    expect(await read(measured)).toHaveProperty('lumin_tasks queued');
    away = true;
    expect(await read(measured)).not.toHaveProperty('lumin_tasks queued');
  });

  it('ask a database that hangs once, however often they are read', async () => {
    let asked = 0;
    const measured = of({
      tasks: () => {
        asked++;
        return never();
      },
    });
    await Promise.all([read(measured), read(measured)]);
    await read(measured);
    expect(asked).toBe(1);
  });

  it('call no process ready that starts or stops', async () => {
    for (const state of ['starting', 'stopping'] as const) expect(await read(of({ state: () => state }))).toMatchObject({ lumin_ready: 0 });
  });

  it('count requests in progress until they are over', async () => {
    const measured = of();
    const [first, second] = [measured.beginRequest(), measured.beginRequest()];
    expect(await read(measured)).toMatchObject({ lumin_http_requests_in_progress: 2 });
    first();
    second();
    expect(await read(measured)).toMatchObject({ lumin_http_requests_in_progress: 0 });
  });

  it('do not tell apart the methods that a route does not have', async () => {
    const measured = of();
    for (const method of ['PUT', 'TRACE', 'PROPFIND']) measured.observeRequest(method, '/api/users', 405, 1);
    measured.observeRequest('POST', '/api/users', 201, 250);
    const samples = await read(measured);
    expect(Object.keys(samples).filter((name) => name.startsWith('lumin_http_requests_total'))).toEqual([
      'lumin_http_requests_total other /api/users 405',
      'lumin_http_requests_total POST /api/users 201',
    ]);
    expect(samples['lumin_http_request_duration_seconds_sum POST /api/users']).toBe(0.25);
  });
});
