import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, StoreFailure, UnusableDatabase } from '../../src/infrastructure/persistence/database/database.ts';
import { openPostgres } from '../../src/infrastructure/persistence/database/postgres.ts';
import { openRig } from '../fixtures/application-rig.ts';
import { canFailOver, type Failover, needsFailover, sqlOn, startFailover } from '../fixtures/failover.ts';
import { findPostgres, freePort } from '../fixtures/own-servers.ts';
import { creation } from '../fixtures/people.ts';
import { until } from '../fixtures/until.ts';

const WHERE = 'select inet_server_port() as port';

/** One process with a pool of its own on this address: what it was told, and how often it heard of another server. */
const opened = (url: string) => {
  const said: string[] = [];
  const database = openPostgres(url, 2, (line) => said.push(line));
  const heard: string[] = [];
  database.onOtherServer(() => heard.push(database.server()));
  return { ...database, said, heard, port: () => portOf(database) };
};
const portOf = async (database: Pick<Database, 'query'>): Promise<number | undefined> =>
  (await database.query<{ port: number }>(WHERE))[0]?.port;

describe.skipIf(!canFailOver)(`PostgreSQL with a standby${needsFailover}`, () => {
  let servers: Failover;
  let closed: number;
  beforeAll(async () => {
    servers = await startFailover();
    closed = await freePort();
  });
  afterAll(() => servers?.stop());

  it.skipIf(findPostgres('psql') === undefined)(
    'is found among several hosts where psql finds it, whatever target_session_attrs says',
    async () => {
      const { primary, standby } = servers;
      const orders = [
        [closed, primary.port, standby.port],
        [standby.port, closed, primary.port],
        [closed, standby.port],
      ];
      const kinds = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'];
      const urls = orders.flatMap((ports) =>
        kinds.map((kind) => `postgresql://postgres@${ports.map((port) => `127.0.0.1:${port}`)}/postgres?target_session_attrs=${kind}`),
      );
      const psql = join(findPostgres('psql') ?? '', 'psql');
      const byPsql = urls.map((url) =>
        promisify(execFile)(psql, ['-XAt', '-c', WHERE, url]).then(
          ({ stdout }) => Number(stdout),
          () => null,
        ),
      );
      const ours = urls.map(async (url) => {
        const { port, close } = opened(url);
        return port()
          .catch(() => null)
          .finally(close);
      });
      expect(await Promise.all(ours)).toEqual(await Promise.all(byPsql));
    },
  );

  it('where no host will do, is told host by host, with what to do', async () => {
    const [dead, standby] = [`127.0.0.1:${closed}`, `127.0.0.1:${servers.standby.port}`];
    const reasons = ['primary', 'any'].map(async (kind) => {
      const hosts = kind === 'any' ? `${dead},${dead}` : `${dead},${standby}`;
      const { ping, close } = opened(`postgresql://postgres@${hosts}/postgres?target_session_attrs=${kind}`);
      const error = await ping().catch((error) => error);
      await close();
      return [error instanceof UnusableDatabase, error.message];
    });
    expect(await Promise.all(reasons)).toEqual([
      [true, expect.stringMatching(`^nothing listens on ${dead}; the database server at ${standby} is a standby, and .*; promote it`)],
      [false, `unsent (${dead}: ECONNREFUSED; ${dead}: ECONNREFUSED)`],
    ]);
  });

  it('stands behind a host that swallows everything: that costs the first session its time, and no other', async () => {
    let calls = 0;
    const hole = createServer((socket) => {
      calls++;
      socket.on('error', () => {});
    });
    await once(hole.listen(closed, '127.0.0.1'), 'listening');
    const { port, ping, close } = opened(servers.bothUrl.replace('@', `@127.0.0.1:${closed},`).concat('&connect_timeout=1'));
    expect(await port()).toBe(servers.primary.port);
    await Promise.all([port(), port(), ping()]);
    expect(calls).toBe(1);
    await close();
    hole.close();
  });

  it('is told to be a standby, by a line that says what to do', async () => {
    const { said, port, close } = opened(servers.standby.url);
    expect(await port()).toBe(servers.standby.port);
    await port();
    await close();
    expect(said).toEqual([
      expect.stringMatching(`^the database server at 127.0.0.1:${servers.standby.port} is a standby: .*target_session_attrs`),
    ]);
  });

  it('has one name for all who are on the same server', async () => {
    const { bothUrl, primary, standby } = servers;
    const urls = [bothUrl, primary.url, standby.url];
    const names = await Promise.all(
      urls.map(async (url) => {
        const { ping, server, close } = opened(url);
        await ping();
        await close();
        return server();
      }),
    );
    expect(names).toEqual([expect.stringMatching(/^[0-9a-f]{1,16}$/), names[0], expect.not.stringMatching(`^${names[0]}$`)]);
  });

  it('lets a user in that may not look at the cluster', async () => {
    const { primary } = servers;
    await sqlOn(primary, 'create role curbed login');
    await sqlOn(primary, 'revoke execute on function pg_control_system(), pg_current_wal_lsn() from public');
    const { port, server, close } = opened(primary.url.replace('postgres@', 'curbed@'));
    expect(await port()).toBe(primary.port);
    expect(server()).not.toBe('');
    await close();
    await sqlOn(primary, 'grant execute on function pg_control_system(), pg_current_wal_lsn() to public');
  });

  it('is killed and its standby promoted: without a proxy and without a restart changes succeed again, on the new primary', async () => {
    const { primary, standby, bothUrl, front, inStep, failOver } = servers;
    const rig = await openRig(bothUrl);
    const behindProxy = opened(front.url);
    const onStandby = opened(standby.url);
    await onStandby.ping();
    await Promise.all(Array.from({ length: 4 }, () => rig.execute(creation())));
    expect(await behindProxy.port()).toBe(primary.port);
    await inStep();
    let others = 0;
    rig.database.onOtherServer(() => others++);
    await failOver();
    const change = creation();
    await until('changes succeed', () =>
      rig.execute(change).then(
        () => true,
        () => false,
      ),
    );
    expect(await rig.types(change.user_id)).toEqual(['UserCreated']);
    expect(await portOf(rig.database)).toBe(standby.port);
    expect(others).toBe(1);
    await until('the address leads to the new primary', () => behindProxy.port().catch(() => null));
    expect({ heard: behindProxy.heard, name: behindProxy.server() }).toEqual({
      heard: [rig.database.server()],
      name: rig.database.server(),
    });

    // Promoted under its sessions, the standby is the server that it was, and is told to be a primary.
    await until('that is said', () => onStandby.ping().then(() => onStandby.said[1]));
    expect({ last: onStandby.said.at(-1), heard: onStandby.heard }).toEqual({ last: expect.stringMatching(/is a primary/), heard: [] });

    // The old primary is back, as it was, at the address that the service has.
    await servers.bringBack();
    const refusal = await until('the old primary is refused', () =>
      behindProxy.ping().then(
        () => null,
        (error) => error instanceof UnusableDatabase && error,
      ),
    );
    expect(refusal).toMatchObject({
      message: expect.stringMatching(/is an old primary, on timeline 1 where this process has seen 2/),
      lasting: false,
    });
    await expect(behindProxy.port()).rejects.toThrow(/^unsent \(the database server at .* is an old primary/);
    // Named first among the hosts, it is passed over.
    await sqlOn(standby, `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'lumin-user-service'`);
    expect(await until('the new primary is found', () => portOf(rig.database).catch(() => null))).toBe(standby.port);
    expect(others).toBe(1);
    await Promise.all([rig.close(), behindProxy.close(), onStandby.close()]);
  });

  it('has two primaries: once a session is on the other one, nothing is read from the first, and what it still answers does not count', async () => {
    const { primary, standby, front } = servers;
    front.lead(primary.url);
    const { port, query, heard, close } = opened(front.url);
    await Promise.all([port(), port()]);
    const late = query('select pg_sleep(1)').catch((error) => error);
    await until(
      'it is under way',
      async () => (await sqlOn(primary, `select from pg_stat_activity where query = 'select pg_sleep(1)' and state = 'active'`)).length,
    );
    await sqlOn(
      primary,
      `select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle' and application_name = 'lumin-user-service'`,
    );
    front.lead(standby.url);
    expect(await until('a session begins', () => port().catch(() => null))).toBe(standby.port);
    expect(heard).toHaveLength(1);
    expect(await late).toEqual(new StoreFailure('unknown'));
    expect(await Promise.all([port(), port()])).toEqual([standby.port, standby.port]);
    await close();
  });
});
