import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { parseEnv } from 'node:util';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { readConfig } from '../../src/infrastructure/container/config.ts';
import { type Child, killNine, listening, node, root, startMain } from '../fixtures/child.ts';
import { anyStore, type Store } from '../fixtures/database-kinds.ts';
import { aUser } from '../fixtures/http.ts';
import { examplesIn, pageNamed } from '../fixtures/page-examples.ts';
import { canTypeExamples, useShell } from '../fixtures/page-shell.ts';
import { until } from '../fixtures/until.ts';

const FOUR_REQUESTS = 4;
const reference = pageNamed('docs/api.md');
const examples = examplesIn(reference);
const ofMonitoring = examplesIn(pageNamed('docs/monitoring.md'));

describe.skipIf(!canTypeExamples)('the examples of docs/api.md and docs/monitoring.md', () => {
  const { run, follow } = useShell(reference);

  it.each(examples)('api.md, $title', follow);
  it.each(ofMonitoring)('monitoring.md, $title', follow);

  it('change no user but one of their own, so that a new one renumbers none', () => {
    for (const { title, preparation, command } of examples.slice(FOUR_REQUESTS)) {
      const block = preparation + command;
      expect(block.startsWith('new_user\n') || !block.includes('$user'), title).toBe(true);
      expect(block, title).not.toMatch(/-X \w+ "?http\S+\/users\/\w/);
    }
  });

  it('show every route of the API', async () => {
    const document = JSON.parse((await run('curl http://localhost:8000/openapi.json')).body);
    const shown = [...examples, ...ofMonitoring].map(({ command }) => {
      const url = /(http:|\$user)[^\s"]*/.exec(command)?.[0].replace('$user', 'http://localhost:8000/api/users/id');
      const path = new URL(url ?? '').pathname.replace(/\/$/, '');
      return `${/-X (\w+)/.exec(command)?.[1] ?? 'GET'} ${path}`;
    });
    for (const [path, methods] of Object.entries<object>(document.paths)) {
      if (path === '/openapi.json') continue;
      const pattern = new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`);
      for (const method of Object.keys(methods)) {
        const found = shown.some((request) => request.startsWith(`${method.toUpperCase()} `) && pattern.test(request.split(' ')[1] ?? ''));
        expect(found, `${method} ${path}`).toBe(true);
      }
    }
  });
});

it('the .env of docs/getting-started.md is one that the service takes', () => {
  const [, text = ''] = /```env\n(.*?)\n```/s.exec(pageNamed('docs/getting-started.md')) ?? [];
  expect(readConfig(parseEnv(text) as NodeJS.ProcessEnv)).toMatchObject({
    DATABASE_URL: { kind: 'postgres' },
    NATS_STREAM: 'lumin-events',
  });
});

const natsUrl = inject('natsUrl');

describe.skipIf(natsUrl === null)(
  'the programs of docs/how-to/connect-an-app.md [needs NATS: set TEST_NATS_URL or install nats-server]',
  () => {
    const unique = `t${randomBytes(5).toString('hex')}`;
    const programs = [...pageNamed('docs/how-to/connect-an-app.md').matchAll(/```js\n(.*?)\n```/gs)].map(([, text = '']) => text);
    const running: ChildProcessWithoutNullStreams[] = [];
    let service: Child;
    let address: string;
    let store: Store;
    let nats: NatsConnection;
    let streams: JetStreamManager['streams'];

    beforeAll(async () => {
      store = await anyStore();
      service = startMain({ DATABASE_URL: store.url, NATS_URL: natsUrl ?? '', NATS_STREAM: unique, NATS_SUBJECT_PREFIX: unique });
      address = await listening(service);
      await until('the service is ready', async () => (await fetch(`${address}/health/ready`)).ok);
      nats = await connect({ servers: new URL(natsUrl ?? '').host });
      ({ streams } = await jetstreamManager(nats));
    });
    afterEach(() => {
      for (const program of running.splice(0)) program.kill('SIGKILL');
    });
    afterAll(async () => {
      await killNine(service);
      await store.drop();
      for (const stream of [unique, `${unique}-tasks`]) await streams.delete(stream).catch(() => {});
      await nats.close();
    });

    /** Three events: a user is created and changed, and somebody views the profile. */
    const aLife = async (): Promise<string> => {
      const send = async (method: string, path: string, body: object) => {
        const headers = { 'content-type': 'application/json' };
        const answer = await fetch(`${address}/api/users${path}`, { method, headers, body: JSON.stringify(body) });
        expect(answer.ok).toBe(true);
        return (await answer.json()) as { user_id: string };
      };
      const { user_id } = await send('POST', '', aUser());
      await send('PATCH', `/${user_id}/bio`, { new_bio: 'Hi' });
      await send('POST', `/${user_id}/profile-views`, { viewer_id: '6ba7b810-9dad-41d1-80b4-00c04fd430c8' });
      return user_id;
    };

    /** The lines as they stand; only the addresses and the name of the stream are ours. @returns what they print, line by line */
    const run = (mark: string): (() => string[]) => {
      const program = programs.filter((text) => text.includes(mark));
      expect(program).toHaveLength(1);
      const text = (program[0] as string)
        .replaceAll('localhost:8000', new URL(address).host)
        .replaceAll('localhost:4222', new URL(natsUrl ?? '').host)
        .replaceAll('lumin-events', unique);
      const child = spawn(node, ['--input-type=module', '--eval', text], { cwd: root });
      running.push(child);
      let printed = '';
      for (const output of [child.stdout, child.stderr]) output.setEncoding('utf8').on('data', (data: string) => (printed += data));
      return () => printed.split('\n').slice(0, -1);
    };

    it('read the live feed from its beginning, and what happens meanwhile', async () => {
      const user = await aLife();
      const printed = run('new WebSocket');
      await until('the past is printed', () => printed().some((line) => line.includes(user)));
      const [subscribed, ...events] = printed().map((line) => JSON.parse(line));
      expect(subscribed).toEqual({ op: 'subscribed', position: '0' });
      expect(events.map(({ position }) => position)).toEqual(events.map((_, index) => String(index + 1)));
      const other = await aLife();
      await until('the present is printed', () => printed().filter((line) => line.includes(`"subject":"${other}"`)).length === 3);
    });

    it('read the stream in NATS, and drop what they know when it is filled again', async () => {
      const lifeOf = (user: string) => [
        `lumin.users.UserCreated.v1 ${user} 1`,
        `lumin.users.UserBioChanged.v1 ${user} 2`,
        `lumin.users.ProfileViewed.v1 ${user} 1`,
      ];
      const first = await aLife();
      await until('the stream is there', () => streams.info(unique).catch(() => null));
      const printed = run('versions.get');
      const about = (user: string) =>
        printed()
          .filter((line) => line.includes(user))
          .map((line) => line.replace(/ \[.*/, ''));
      await until('the past is printed', () => about(first).length === 3);
      await streams.purge(unique);
      await until('the stream is filled again', async () => (await streams.info(unique)).state.messages >= 3);
      const second = await aLife();
      await until('the present is printed', () => about(second).length === 3);
      expect(about(first)).toEqual(lifeOf(first));
      expect(about(second)).toEqual(lifeOf(second));
    });
  },
);
