import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { runLumin } from '../fixtures/child.ts';
import { canFailOver, needsFailover, sqlOn, startFailover } from '../fixtures/failover.ts';
import { until } from '../fixtures/until.ts';
import { prepareProcess } from './processes.ts';

/** Clients that create users on these processes, one after the other, each on all in turns. */
const startCreating = (instances: string[]) => {
  const acknowledged: string[] = [];
  let running = true;
  const client = async (): Promise<void> => {
    for (let turn = 0; running; turn++) {
      const user_id = randomUUID();
      const body = JSON.stringify({ user_id, username: { first_name: 'Ann' }, email: `${user_id}@example.com` });
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${instances[turn % instances.length]}/api/users/`, { method: 'POST', headers, body }).catch(() => null);
      if (answer?.status === 201) acknowledged.push(user_id);
      else await sleep(20);
      await answer?.body?.cancel();
    }
  };
  const clients = Array.from({ length: 4 }, client);
  return {
    acknowledged,
    stop: async () => {
      running = false;
      await Promise.all(clients);
    },
  };
};

describe.skipIf(!canFailOver)(`two processes with both servers in DATABASE_URL${needsFailover}`, () => {
  it('go on when the synchronous standby is promoted under load: none is restarted, and nothing that was answered is lost', async () => {
    const { primary, standby, bothUrl, failOver, bringBack, stop } = await startFailover();
    const env = { DATABASE_URL: bothUrl, LOG_LEVEL: 'warn' };
    const processes = [await prepareProcess('all', env), await prepareProcess('api', env)];
    try {
      await sqlOn(primary, `alter system set synchronous_standby_names = '*'`);
      await sqlOn(primary, 'select pg_reload_conf()');
      const synchronous = `select from pg_stat_replication where sync_state = 'sync'`;
      await until('commits wait for the standby', async () => (await sqlOn(primary, synchronous)).length > 0);
      for (const { start } of processes) await start();
      const load = startCreating(processes.map(({ instance }) => instance));
      await until('the clients are at work', () => load.acknowledged.length > 200);
      await failOver();
      const before = load.acknowledged.length;
      await until('changes succeed on the new primary', () => load.acknowledged.length > before + 200);
      // The old primary is there again, first in the address.
      await bringBack();
      await sqlOn(standby, `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'lumin-user-service'`);
      const then = load.acknowledged.length;
      await until('changes succeed', () => load.acknowledged.length > then + 200);
      await load.stop();

      const [{ count } = { count: 0 }] = await sqlOn<{ count: string }>(
        standby,
        `select count(*) from users where user_id = any('{${load.acknowledged}}'::uuid[])`,
      );
      expect(Number(count)).toBe(load.acknowledged.length);
      expect(processes.map(({ child }) => child().process.exitCode)).toEqual([null, null]);
      const verified = await runLumin(['verify'], { DATABASE_URL: standby.url });
      expect(verified).toMatchObject({ code: 0 });
    } finally {
      await Promise.all(processes.map(({ child, kill }) => child() && kill()));
      await stop();
    }
  });
});
