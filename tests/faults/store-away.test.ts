import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { headHolder } from '../fixtures/head-holder.ts';
import { until } from '../fixtures/until.ts';
import { hasPostgres, needsPostgres } from './needs.ts';
import { type FaultRig, long, underLoad } from './rig.ts';

const ROUNDS = long ? 20 : 1;
/** How long a fault lasts after the clients noticed it. */
const lasting = ({ random }: FaultRig): Promise<void> => sleep(long ? random.below(20_000) : 3_000);
/** Long enough for the promises about what comes after a fault to be put to the test. */
const afterwards = (): Promise<void> => sleep(5_800);

const again = (round: (rig: FaultRig) => Promise<void>) => async (rig: FaultRig) => {
  for (let count = 0; count < ROUNDS; count++) await round(rig);
};

const away = (take: (rig: FaultRig) => unknown, give: (rig: FaultRig) => unknown) => () =>
  underLoad(
    again(async (rig) => {
      const broken = async (): Promise<void> => {
        await take(rig);
        await rig.answered('store-unavailable');
        await lasting(rig);
      };
      await rig.fault('store', broken, () => give(rig));
      await afterwards();
    }),
  );

describe.skipIf(!hasPostgres).concurrent(`PostgreSQL is gone under load${needsPostgres}`, () => {
  it(
    'killed and started again',
    away(
      ({ postgres }) => postgres.kill(),
      ({ postgres }) => postgres.restart(),
    ),
  );
  it(
    'shut down fast and started again',
    away(
      ({ postgres }) => postgres.end('SIGINT'),
      ({ postgres }) => postgres.restart(),
    ),
  );
  it(
    'standing still',
    away(
      ({ postgres }) => postgres.freeze(),
      ({ postgres }) => postgres.thaw(),
    ),
  );
  it(
    'behind a network that swallows everything',
    away(
      ({ proxy }) => proxy.set('blackhole'),
      ({ proxy }) => proxy.set('pass'),
    ),
  );

  it('every connection is ended, again and again: nobody notices', () =>
    underLoad(async ({ sql, answered }) => {
      for (let count = 0; count < 5 * ROUNDS; count++) {
        await sql(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'lumin-user-service'`);
        await answered(201);
        await sleep(1_000);
      }
    }));

  it('cut after the commit, again and again, before anybody hears of it: nobody notices', () =>
    underLoad(async ({ proxy, answered }) => {
      for (let count = 0; count < 10 * ROUNDS; count++) {
        const before = proxy.cuts();
        proxy.cutNext({ beforeAnswer: 'outcome' });
        await until('the connection is cut', () => proxy.cuts() > before);
        await answered(200);
      }
    }));

  it('a deadlock with another session: nobody notices', () =>
    underLoad(async ({ postgres }) => {
      const other = new pg.Client({ connectionString: postgres.url });
      other.on('error', () => {});
      await other.connect();
      for (let count = 0; count < 3 * ROUNDS; count++) {
        // The append takes the head row and then users; this takes them the other way round.
        await other.query('begin; select 1 from users for update');
        await other.query('select 1 from log_head for update').catch(({ code }) => expect(code).toBe('40P01'));
        await other.query('rollback');
      }
      await other.end();
    }));
});

describe.skipIf(!hasPostgres).concurrent(`PostgreSQL takes no changes under load${needsPostgres}`, () => {
  it('read-only: changes are refused, reads go on', () =>
    underLoad(async (rig) => {
      const set = async (value: string): Promise<void> => {
        await rig.sql(`alter system set default_transaction_read_only = ${value}`);
        await rig.sql('select pg_reload_conf()');
      };
      await rig.fault(
        'writes',
        async () => {
          await set('on');
          await rig.answered('store-read-only');
          const since = performance.now();
          await lasting(rig);
          const reads = rig.history.filter(({ kind, started }) => kind === 'read' && started > since);
          expect(new Set(reads.map(({ status }) => status))).toEqual(new Set([200]));
        },
        () => set('off'),
      );
      await afterwards();
    }));

  it('another session holds the head of the log', () =>
    underLoad(async (rig) => {
      const holder = await headHolder(rig.postgres.url);
      await rig.fault(
        'writes',
        async () => {
          await holder.hold();
          await rig.answered(503);
        },
        holder.release,
      );
      await afterwards();
      await holder.close();
    }));

  it('every connection is taken by others', () =>
    underLoad(
      async (rig) => {
        const taken: pg.Client[] = [];
        const take = async (): Promise<void> => {
          const client = new pg.Client({ connectionString: rig.postgres.url });
          client.on('error', () => {});
          await client.connect();
          taken.push(client);
        };
        await rig.fault(
          'store',
          async () => {
            // Nobody else is to be faster.
            await rig.proxy.set('refuse');
            rig.proxy.cutAll();
            await until('no connection is left', async () =>
              (await Promise.allSettled(Array.from({ length: 20 }, take))).every(({ status }) => status === 'rejected'),
            );
            await rig.proxy.set('pass');
            await rig.answered('store-unavailable');
            await lasting(rig);
          },
          () => Promise.all(taken.map((client) => client.end())),
        );
        await afterwards();
      },
      { conf: { max_connections: '20' } },
    ));
});
