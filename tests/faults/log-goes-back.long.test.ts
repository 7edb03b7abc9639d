import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { runLumin } from '../fixtures/child.ts';
import { canFailOver, type Failover, needsFailover, sqlOn, startFailover } from '../fixtures/failover.ts';
import { subscribeLive } from '../fixtures/live-client.ts';
import { type OwnServer, startNats, startRedis } from '../fixtures/own-servers.ts';
import { until } from '../fixtures/until.ts';
import { hasServers, needsServers } from './needs.ts';
import { type Process, prepareProcess } from './processes.ts';

/** A read follows the log that is there within a second of its first answer. */
const SOON_MS = 1_000;
const last: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of last.splice(0).reverse()) await clean();
});

const ask = async (instance: string, method: string, path: string, body?: object, headers: Record<string, string> = {}) => {
  const answer = await fetch(`${instance}/api/users${path}`, {
    method,
    headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(15_000),
  }).catch(() => null);
  const text = (await answer?.text().catch(() => '')) ?? '';
  return { status: answer?.status ?? 0, body: text.startsWith('{') ? JSON.parse(text) : null, etag: answer?.headers.get('etag') ?? null };
};

const createAt = async (instance: string): Promise<string> => {
  const user_id = randomUUID();
  await until(
    'a user is created',
    async () =>
      (await ask(instance, 'POST', '', { user_id, username: { first_name: 'Ann' }, email: `${user_id}@example.com` })).status === 201,
  );
  return user_id;
};

/** Two API processes, each with its own way to the primary, both kinds of workers, and clients that write all the time. */
const openWorld = async () => {
  const servers = await startFailover();
  last.push(servers.stop);
  const redis = (await startRedis()) as OwnServer;
  last.push(redis.stop);
  const nats = (await startNats()) as OwnServer;
  last.push(nats.stop);
  const env = { REDIS_URL: redis.url, NATS_URL: nats.url, LOG_LEVEL: 'warn' };
  const processes: Process[] = [];
  for (const [role, url] of [
    ['api', servers.bothUrl],
    ['api', servers.front.url],
    ['worker:tasks', servers.bothUrl],
    ['worker:outbox', servers.front.url],
  ] as const) {
    const one = await prepareProcess(role, { ...env, DATABASE_URL: url });
    last.push(one.kill);
    await one.start();
    processes.push(one);
  }
  const apis = processes.filter(({ api }) => api);
  const [a, b] = apis as [Process, Process];
  const ids: string[] = [];
  for (let user = 0; user < 20; user++) ids.push(await createAt(a.instance));

  let writing = true;
  const wrong: string[] = [];
  let changed = 0;
  /** Rises when the log may go back, after which what was written before may be gone. */
  let log = 0;
  const client = async (one: Process, pause: number): Promise<void> => {
    let own: string | null = null;
    for (let turn = 0; writing; turn++) {
      const since = log;
      if (own === null || turn % 20 === 0) own = await createAt(one.instance);
      const bio = `bio ${turn}`;
      const { status, body } = await ask(one.instance, 'PATCH', `/${own}/bio`, { new_bio: bio });
      if (status === 404) own = null;
      else if (status === 200) {
        changed++;
        const read = await ask(one.instance, 'GET', `/${own}`);
        if (log === since && read.status === 200 && !(read.body.version === body.version && read.body.bio === bio))
          wrong.push(`wrote version ${body.version} ${bio}, read ${read.body.version} ${read.body.bio}`);
      } else if (status !== 0 && status !== 503) wrong.push(`a change was answered with ${status}`);
      await sleep(pause);
    }
  };
  const clients = Promise.all([...apis, ...apis, ...apis].map((one) => client(one, 10)));
  const stopWriting = async () => {
    writing = false;
    await clients;
  };
  last.push(stopWriting);

  /** What each read of these users says that the log does not. */
  const differences = async (server: { url: string }): Promise<string[]> => {
    const rows = await sqlOn<{ user_id: string; version: number; bio: string | null }>(
      server,
      `select user_id, version, state->>'bio' as bio from users where user_id = any('{${ids}}')`,
    );
    const right = new Map(rows.map(({ user_id, version, bio }) => [user_id, `${version} ${bio}`]));
    const found: string[] = [];
    for (const { instance } of apis) {
      for (const id of ids) {
        for (const headers of [{}, { 'cache-control': 'no-cache' }]) {
          const { body, etag } = await ask(instance, 'GET', `/${id}`, undefined, headers as Record<string, string>);
          if (`${body?.version} ${body?.bio}` !== right.get(id) || etag !== `"${body?.version}"`)
            found.push(`${instance} ${JSON.stringify(headers)} ${body?.version} ${body?.bio} instead of ${right.get(id)}`);
        }
        const { body } = await ask(instance, 'GET', `/${id}/events?limit=200`);
        if (String(body?.items?.at(-1)?.version) !== right.get(id)?.split(' ')[0]) found.push(`${instance} history`);
      }
    }
    return found;
  };
  const change = async (one: Process, bio: string): Promise<void> => {
    for (const id of ids) expect((await ask(one.instance, 'PATCH', `/${id}/bio`, { new_bio: bio })).status).toBe(200);
  };
  const linesOf = ({ child }: Process): string[] =>
    child()
      .stdout()
      .split('\n')
      .filter((line) => /the log has gone back|are no longer in the database/.test(line));

  return {
    ...{ servers, nats, processes, apis, a, b, ids, wrong, stopWriting, differences, change, linesOf },
    changes: () => changed,
    logEnds: () => log++,
    moreChanges: async (count: number) => {
      const enough = changed + count;
      await until('clients write on', () => changed >= enough);
    },
  };
};

const settled = async ({ apis, differences }: Awaited<ReturnType<typeof openWorld>>, server: Failover['standby']): Promise<void> => {
  for (const { instance } of apis)
    await until('it is ready', async () => (await fetch(`${instance}/health/ready`).catch(() => null))?.status === 200);
  await until('every read says what the log says', async () => (await differences(server)).length === 0, SOON_MS);
};

describe.skipIf(!(hasServers && canFailOver))(`a log that goes back under load${needsServers || needsFailover}`, () => {
  it('with changes that the standby had not received: nobody shows them, each process says so once, and live clients begin again', async () => {
    const world = await openWorld();
    const { servers, a, b, apis, processes, change, logEnds, moreChanges, wrong, linesOf, stopWriting } = world;
    const feeds = await Promise.all(apis.map(({ instance }) => subscribeLive(`${instance.replace('http', 'ws')}/ws`)));
    await moreChanges(100);
    await servers.inStep();
    await servers.detach();
    await change(a, 'lost');
    await change(b, 'lost again');
    await moreChanges(50);
    logEnds();
    await servers.failOver();
    logEnds();
    await settled(world, servers.standby);
    expect(await Promise.all(feeds.map(({ closed }) => closed))).toEqual([4409, 4409]);
    await moreChanges(100);
    await change(b, 'kept');
    await stopWriting();
    await settled(world, servers.standby);
    expect(wrong).toEqual([]);
    // Workers follow the log too.
    expect(processes.map((one) => linesOf(one).length)).toEqual([1, 1, 1, 1]);
    expect(await Promise.all(processes.map(({ metric }) => metric('lumin_log_changes_total')))).toEqual([1, 1, 1, 1]);
    expect(await runLumin(['verify'], { DATABASE_URL: servers.standby.url })).toMatchObject({ code: 0 });
  });

  it('while a process stands still, which wakes up in another log that is longer by then', async () => {
    const world = await openWorld();
    const { servers, a, b, change, logEnds, moreChanges, wrong, linesOf, stopWriting } = world;
    await servers.inStep();
    await servers.detach();
    await change(b, 'lost');
    await moreChanges(50);
    const [end] = await sqlOn<{ position: string }>(servers.primary, 'select position from log_head');
    b.freeze();
    logEnds();
    await servers.failOver();
    logEnds();
    await until('the other one is ready', async () => (await fetch(`${a.instance}/health/ready`).catch(() => null))?.status === 200);
    await until('the log is longer than it was', async () => {
      const [old] = await sqlOn<{ position: string }>(servers.standby, 'select position from log_head');
      return Number(old?.position) > Number(end?.position) + 50;
    });
    b.thaw();
    await settled(world, servers.standby);
    await moreChanges(100);
    await change(a, 'kept');
    await stopWriting();
    await settled(world, servers.standby);
    expect(wrong).toEqual([]);
    expect([a, b].map((one) => linesOf(one).length)).toEqual([1, 1]);
    expect(await Promise.all([a, b].map(({ metric }) => metric('lumin_log_changes_total')))).toEqual([1, 1]);
    expect(await runLumin(['verify'], { DATABASE_URL: servers.standby.url })).toMatchObject({ code: 0 });
  });
});
