import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { peakMemory } from '../faults/gather.ts';
import { type Child, killNine, listening, root, startMain } from '../fixtures/child.ts';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { aUser } from '../fixtures/http.ts';
import { get, type RawClient, rawClient } from '../fixtures/raw-client.ts';
import { until } from '../fixtures/until.ts';

const { scripts } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { scripts: Record<string, string> };
const NODE_OPTIONS = (scripts.api?.match(/--max-\S+/g) ?? []).join(' ');
const USERS = 220;
/** What an attack may take beside what the process had. */
const MOST_MB = 200;

describe.each(storeKinds())('a process with the heap of `npm run api`, with the data on $name', ({ name, available, make }) => {
  let place: Store;
  let child: Child;
  let address: string;
  let userId: string;
  const clients: RawClient[] = [];

  const post = (path: string, body: object, method = 'POST') =>
    fetch(`${address}${path}`, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

  beforeAll(async () => {
    if (!available) return;
    place = await make();
    child = startMain({ DATABASE_URL: place.url, NODE_OPTIONS }, name === 'PGlite' ? 'all' : 'api');
    address = await listening(child);
    await until('it is ready', async () => (await fetch(`${address}/health/ready`)).ok);
    const made = await Promise.all(
      Array.from({ length: USERS }, async () => {
        const { user_id } = (await (await post('/api/users', aUser())).json()) as { user_id: string };
        await post(`/api/users/${user_id}/bio`, { new_bio: 'ж'.repeat(450) }, 'PATCH');
        return user_id;
      }),
    );
    userId = made[0] as string;
  });
  afterAll(async () => {
    for (const { socket } of clients) socket.destroy();
    if (child) await killNine(child);
    await place?.drop();
  });

  const attack = async (count: number, bytes: string, reads = false): Promise<RawClient[]> => {
    const made = await Promise.all(Array.from({ length: count }, () => rawClient(address, bytes, { reads })));
    clients.push(...made);
    return made;
  };

  /** Another client is answered until the first attacker is cut off, and then too; memory stays about what it was. */
  const survives = async (makeAttack: () => Promise<RawClient[]>): Promise<void> => {
    const before = peakMemory(child.pid);
    const attackers = await makeAttack();
    let cut = 0;
    for (const { ended } of attackers) void ended.then(() => cut++);
    await until('an attacker is cut off, and lists are answered', async () => {
      for (const path of ['/health/live', `/api/users/${userId}`]) expect((await fetch(address + path)).status).toBe(200);
      // Who does not read learns of the end by writing.
      for (const { socket } of attackers) socket.write('\r\n');
      return cut > 0 && (await fetch(`${address}/api/users?limit=200`)).ok;
    });
    expect(child.process.exitCode).toBeNull();
    if (process.platform === 'linux') expect(peakMemory(child.pid) - before).toBeLessThan(MOST_MB);
    for (const { socket } of attackers) socket.destroy();
  };

  it.skipIf(!available)('answers 300 lists that one socket asks for at once', async () => {
    const [client] = await attack(1, get('/api/users?limit=10').repeat(300), true);
    await until('all are answered', () => client?.statuses().length === 300);
    expect(new Set(client?.statuses())).toEqual(new Set([200]));
  });

  it.skipIf(!available)('survives 1,400 lists that one socket asks for and does not read, and more sockets that do the same', async () => {
    const page = get('/api/users?limit=200');
    await survives(async () => [...(await attack(1, page.repeat(1_400))), ...(await attack(20, page.repeat(35)))]);
  });

  // What is below HTTP makes no difference to files.
  const onceOnly = name === 'PGlite' ? it : () => {};
  onceOnly('survives four sockets that ask for 1,100 scripts of the page each, and opens no file', async () => {
    const opened = () => (process.platform === 'linux' ? readdirSync(`/proc/${child.pid}/fd`).length : 0);
    const before = opened();
    let most = 0;
    await survives(async () => {
      const attackers = await attack(4, get('/docs/scalar.js').repeat(1_100));
      for (const { socket } of attackers) socket.on('error', () => {});
      const look = setInterval(() => {
        most = Math.max(most, opened());
      }, 50);
      void Promise.race(attackers.map(({ ended }) => ended)).then(() => clearInterval(look));
      return attackers;
    });
    expect(most - before).toBeLessThan(30);
  });
});
