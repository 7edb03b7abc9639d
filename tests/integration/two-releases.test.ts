import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { check } from '../faults/checker.ts';
import { type Fault, nothingElse } from '../faults/evidence.ts';
import { readStore } from '../faults/gather.ts';
import { openRig } from '../fixtures/application-rig.ts';
import { type Child, killNine, listening, root, runLumin, startMain } from '../fixtures/child.ts';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { startHistory, succeeded } from '../fixtures/history.ts';
import { startLoad } from '../fixtures/load.ts';
import { seeded } from '../fixtures/seeded.ts';
import { until } from '../fixtures/until.ts';

/** The last commit before the schema changed. Of what it needs, @fastify/swagger-ui is here for its sake alone. */
const BEFORE = '91d253044e02e99d5cbdc7fb842013dc935197a1';
const { available, make } = storeKinds().at(-1) as ReturnType<typeof storeKinds>[number];
const known = available && spawnSync('git', ['cat-file', '-e', `${BEFORE}^{commit}`], { cwd: root }).status === 0;

describe.skipIf(!known)('two releases on one database [needs PostgreSQL and the git history of the project]', () => {
  let folder: string;
  let place: Store;
  const children: Child[] = [];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lumin-release-'));
    const files = execFileSync('git', ['archive', BEFORE, 'src', 'migrations', 'package.json'], { cwd: root, maxBuffer: 2 ** 28 });
    execFileSync('tar', ['-x', '-C', folder], { input: files });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    place = await make();
  });
  afterAll(async () => {
    for (const child of children) await killNine(child);
    await place?.drop();
    if (folder) rmSync(folder, { recursive: true });
  });

  const start = async (release: string, env: Record<string, string> = {}) => {
    const child = startMain({ DATABASE_URL: place.url, ...env }, 'all', release);
    children.push(child);
    const address = await listening(child);
    await until('it is ready', async () => (await fetch(`${address}/health/ready`)).ok);
    return { address, child };
  };

  it('an upgrade under load, and its reverse: nobody is refused, nothing is lost, each reads what the other wrote', () =>
    seeded(async (random) => {
      const history = startHistory();
      const load = (address: string) => startLoad(random, history, [address], { clients: 4, thinkMs: 0, leaving: true }).ended;
      const running: Promise<unknown>[] = [];
      const acknowledged = () => history.operations.filter((one) => one.method !== 'GET' && succeeded(one));
      const faults: Fault[] = [];
      /** It stops for good; its clients leave it. */
      const end = async ({ address: instance, child }: { address: string; child: Child }): Promise<number | null> => {
        faults.push({ what: 'api', instance, from: performance.now(), mending: Number.POSITIVE_INFINITY, to: Number.POSITIVE_INFINITY });
        child.process.kill('SIGTERM');
        return child.exited;
      };
      const moreIsDone = async (): Promise<void> => {
        const before = acknowledged().length;
        await until('more is done', () => {
          expect(history.operations.filter(({ status }) => status !== null && status >= 500)).toEqual([]);
          return acknowledged().length > before + 100;
        });
      };
      const sameOn = async (...addresses: string[]): Promise<void> => {
        const ids = acknowledged()
          .filter(({ kind }) => kind === 'create')
          .slice(-20);
        for (const { user_id } of ids) {
          // A user may change between the two looks.
          await until('both say the same', async () => {
            const answers = await Promise.all(
              addresses.map((at) => fetch(`${at}/api/users/${user_id}`, { headers: { 'cache-control': 'no-cache' } })),
            );
            expect(answers.map(({ status }) => status)).toEqual(addresses.map(() => 200));
            const [one, other] = await Promise.all(answers.map((answer) => answer.text()));
            return one === other;
          });
        }
      };

      const findsBy = async (q: string, ...addresses: string[]): Promise<boolean> => {
        const pages = await Promise.all(
          addresses.map(async (at) => (await fetch(`${at}/api/users?q=${encodeURIComponent(q)}`)).json() as Promise<{ items: object[] }>),
        );
        return pages.every(({ items }) => items.length === 1);
      };
      const create = (address: string, last_name: string) =>
        fetch(`${address}/api/users`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ username: { first_name: 'Andréa', last_name }, email: `${last_name}@example.com` }),
        });

      const old = await start(folder);
      running.push(load(old.address));
      await moreIsDone();
      await create(old.address, 'Lloyd-Webber');
      await until('the old one finds the name', () => findsBy('andréa lloyd-w', old.address));

      const next = await start(root);
      running.push(load(next.address));
      await moreIsDone();
      await sameOn(old.address, next.address);
      expect(await findsBy('andréa lloyd-w', old.address, next.address)).toBe(true);
      await until('the new one finds every word', () => findsBy('webber andrea', next.address));
      await create(next.address, 'Van-Houten');
      await until('each finds it in its own way', async () => {
        return (await findsBy('andréa van-h', old.address, next.address)) && (await findsBy('houten', next.address));
      });
      await end(old);
      await moreIsDone();

      const again = await start(folder, { MIGRATE_ON_START: 'false' });
      running.push(load(again.address));
      await moreIsDone();
      await sameOn(next.address, again.address);
      await create(next.address, 'Smith-Jones');
      await until('the old one has caught up', () => findsBy('andréa smith-j', again.address, next.address));
      expect(await findsBy('andréa lloyd-w', again.address, next.address)).toBe(true);
      expect(await end(next)).toBe(0);
      await moreIsDone();
      await end(again);
      await Promise.all(running);

      const rig = await openRig(place.url);
      // What was accepted last may not have run yet.
      rig.startRunner();
      for (const { status, task_id } of history.operations) if (status === 202 && task_id) await rig.ended(task_id);
      const { code, stdout, stderr } = await runLumin(['verify'], { DATABASE_URL: place.url });
      expect(code, stdout + stderr).toBe(0);
      const evidence = { ...nothingElse, ...(await readStore(rig.database)), history: history.operations, faults, slackMs: 5_000 };
      await rig.close();
      expect(check(evidence)).toEqual([]);
      expect(new Set(acknowledged().map(({ kind }) => kind))).toEqual(new Set(['create', 'rename', 'phone', 'email']));
    }));
});
