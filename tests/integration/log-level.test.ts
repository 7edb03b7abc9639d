import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Child, killNine, listening, startMainIn } from '../fixtures/child.ts';
import { anyStore, type Store } from '../fixtures/database-kinds.ts';
import { until } from '../fixtures/until.ts';

const folder = mkdtempSync(join(tmpdir(), 'lumin-level-'));
let store: Store;
let child: Child;
afterEach(async () => {
  await killNine(child);
  await store.drop();
  rmSync(folder, { recursive: true });
});

describe('SIGHUP to a process without a terminal', () => {
  it('lets its log have the level that .env names now, for requests too, and the process goes on', async () => {
    store = await anyStore();
    const write = (level: string) =>
      writeFileSync(join(folder, '.env'), `APP_ENV=test\nPORT=0\nDATABASE_URL=${store.url}\nLOG_LEVEL=${level}`);
    write('error');
    child = startMainIn(folder);
    const address = await listening(child);
    const requests = () => child.stdout().split('"msg":"request"').length - 1;
    await fetch(`${address}/api/users`);
    write('debug');
    child.process.kill('SIGHUP');
    await until('it says so', () => child.stdout().includes('the level of the log is debug, it was error'));
    expect(requests()).toBe(0);
    await fetch(`${address}/api/users`);
    await until('the request is logged', () => requests() === 1);
  });
});
