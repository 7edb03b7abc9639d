import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { node, root } from '../fixtures/child.ts';
import { anyStore, type Store } from '../fixtures/database-kinds.ts';
import { created } from '../fixtures/http.ts';
import { type Service, startService } from '../fixtures/http-service.ts';
import { endAtExit } from '../fixtures/leftovers.ts';
import { findNats, type OwnServer, startNats } from '../fixtures/own-servers.ts';
import { until } from '../fixtures/until.ts';

const STREAM = 'lumin-events';

describe.skipIf(findNats() === undefined)('the program of docs/how-to/keep-a-copy.md [needs nats-server]', () => {
  let folder: string;
  let file: string;
  let nats: OwnServer;
  let store: Store;
  let service: Service;
  let url: string;
  let client: NatsConnection;
  let program: Awaited<ReturnType<typeof start>> | undefined;

  /** The program as it stands there, as a reader starts it. */
  const start = async () => {
    const env = { PATH: process.env.PATH, LUMIN_URL: url, NATS_URL: nats.url, NATS_STREAM: STREAM, COPY_FILE: file };
    const child = spawn(node, [join(root, 'docs/how-to/keep-a-copy.ts')], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
    const forget = endAtExit(() => child.kill('SIGKILL'));
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (data: string) => (said += data));
    return {
      said: () => said,
      kill: async () => {
        child.kill('SIGKILL');
        await once(child, 'close');
        forget();
      },
    };
  };

  const copy = () => JSON.parse(readFileSync(file, 'utf8'));
  const rename = (user_id: string, first_name: string) => service.request('PATCH', `/api/users/${user_id}/username`, { first_name });
  const streams = async () => (await jetstreamManager(client)).streams;
  /** Waits until the copy has all that happened, then: it holds what the service holds, and nobody who was deleted. */
  const thenCopyIsWhole = async (): Promise<void> => {
    const head = await service.app.liveFeed.head();
    await until('the copy has followed', () => copy().position === head);
    const { body } = await service.request('GET', '/api/users?limit=200');
    const users = Object.values<any>(copy().users).flatMap(({ user }) => (user === null ? [] : [user]));
    const byId = (all: any[]) => all.toSorted((one, other) => one.user_id.localeCompare(other.user_id));
    expect(byId(users)).toEqual(byId(body.items));
  };
  const published = async (): Promise<void> => {
    const head = await service.app.liveFeed.head();
    await until(
      'all is published',
      async () => (await (await streams()).getMessage(STREAM, { last_by_subj: 'lumin.users.>' }))?.json<any>().position === String(head),
    );
  };
  const lookUps = (): number => service.logs.map((line) => JSON.parse(line)).filter(isLookUp).length;
  const isLookUp = ({ method, route }: { method?: string; route?: string }) =>
    method === 'GET' && /^\/api\/users\/[:{]user_id\}?$/.test(route ?? '');

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lumin-copy-'));
    file = join(folder, 'copy.json');
    nats = (await startNats()) as OwnServer;
    client = await connect({ servers: nats.url });
    store = await anyStore();
    service = await startService(store.url, { env: { NATS_URL: nats.url } });
    url = await service.server.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await program?.kill();
    await client?.close();
    await service?.stop();
    await store?.drop();
    await nats?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('lists first, then follows: names are looked up, who is deleted goes', async () => {
    const [ann, bob, eve] = [await created(service), await created(service), await created(service)];
    await service.request('DELETE', `/api/users/${eve.user_id}`);
    program = await start();
    await until('it has listed', () => program?.said().includes('listed 3 users'));
    await thenCopyIsWhole();
    await rename(ann.user_id, 'Anna');
    await service.request('DELETE', `/api/users/${bob.user_id}`);
    await service.request('POST', `/api/users/${ann.user_id}/profile-views`, { viewer_id: bob.user_id });
    await created(service);
    await thenCopyIsWhole();
    expect(copy().users[ann.user_id]).toMatchObject({ version: 2, user: { username: { first_name: 'Anna' } } });
    expect(copy().users[bob.user_id]).toEqual({ version: 2, user: null });
    expect(copy().users[eve.user_id]).toEqual({ version: 2, user: null });
  });

  it('goes on where it was when it was killed, with one look-up of a user however often they changed', async () => {
    const { user_id } = await created(service);
    await thenCopyIsWhole();
    await program?.kill();
    for (const name of ['Bo', 'Bob', 'Bobby']) await rename(user_id, name);
    await published();
    const before = lookUps();
    program = await start();
    await thenCopyIsWhole();
    expect(copy().users[user_id]).toMatchObject({ version: 4, user: { username: { first_name: 'Bobby' } } });
    expect(lookUps() - before).toBe(1);
    expect(program.said()).toBe('');
  });

  it('notices by the positions that an event is lost, and begins again', async () => {
    await program?.kill();
    const user = await created(service);
    await published();
    const lost = await (await streams()).getMessage(STREAM, { last_by_subj: 'lumin.users.>' });
    await rename(user.user_id, 'Jane');
    await published();
    await (await streams()).deleteMessage(STREAM, lost?.seq ?? 0);
    program = await start();
    const position = lost?.json<any>().position;
    await until('it has noticed', () =>
      program?.said().includes(`position ${Number(position) + 1} came after ${position - 1}: begin again`),
    );
    await until('it has listed', () => program?.said().includes('listed'));
    await thenCopyIsWhole();
  });

  it('notices that its consumer has gone with the stream, and begins again', async () => {
    await (await streams()).delete(STREAM);
    await until('it has noticed', () => program?.said().includes('the consumer has gone: begin again'));
    await created(service);
    await thenCopyIsWhole();
  });

  it('begins again where the stream is emptied and filled again, as after a log that went back', async () => {
    await published();
    await (await streams()).purge(STREAM);
    await until('it has noticed', () => /position 1 came after \d+: begin again/.test(program?.said() ?? ''));
    await created(service);
    await thenCopyIsWhole();
  });
});
