import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { onEachDatabase } from '../fixtures/database-kinds.ts';
import { created } from '../fixtures/http.ts';
import { type Service, startOwnService, useService } from '../fixtures/http-service.ts';
import { connectLive, liveUrl, subscribeLive } from '../fixtures/live-client.ts';
import { seeded } from '../fixtures/seeded.ts';
import { until } from '../fixtures/until.ts';

const rename = async (service: Service, userId: string, name: string): Promise<void> => {
  const { status, text } = await service.request('PATCH', `/api/users/${userId}/username`, { first_name: name });
  if (status !== 200) throw new Error(text);
};

onEachDatabase('the live feed', (make) => {
  const service = useService({ make });
  let url: string;

  beforeAll(async () => {
    url = await liveUrl(service);
  });

  it('sends what happens after the subscription, as CloudEvents, without what is personal', async () => {
    const before = await created(service);
    const client = await connectLive(url);
    client.send({ op: 'subscribe' });
    const { op, position } = await client.next();
    expect(op).toBe('subscribed');
    await rename(service, before.user_id, 'Jane');
    expect(await client.next()).toEqual({
      specversion: '1.0',
      id: `user-${before.user_id}:2`,
      source: '/lumin/users',
      type: 'lumin.users.UserUsernameChanged.v1',
      subject: before.user_id,
      time: expect.stringMatching(/Z$/),
      datacontenttype: 'application/json',
      position: String(Number(position) + 1),
      version: 2,
      correlationid: expect.any(String),
      data: { changed: ['username'] },
    });
    await client.close();
    expect(client.messages).toHaveLength(2);
  });

  it('sends one user’s events, the views of the profile included, to who asks for that user', async () => {
    const [mine, other, viewer] = [await created(service), await created(service), await created(service)];
    const client = await subscribeLive(url, { user_id: mine.user_id.toUpperCase(), after: '0' });
    for (const { user_id } of [other, mine]) {
      await rename(service, user_id, 'Jane');
      await service.request('POST', `/api/users/${user_id}/profile-views`, { viewer_id: viewer.user_id });
      await service.request('DELETE', `/api/users/${user_id}`);
    }
    await until('the user is gone', () => client.events().at(-1)?.type === 'lumin.users.UserDeleted.v1');
    await client.close();
    expect(client.events().map(({ id }) => id)).toEqual(
      [1, 2, 3].map((version) => `user-${mine.user_id}:${version}`).toSpliced(2, 0, `views-${mine.user_id}:1`),
    );
  });

  it('gives a client that comes back again and again every event once and in order, while others write', () =>
    seeded(async ({ below, pick }) => {
      const users = await Promise.all(Array.from({ length: 5 }, () => created(service)));
      const start = await service.app.liveFeed.head();
      let writing = true;
      const writer = async (): Promise<void> => {
        while (writing) await rename(service, pick(users).user_id, `Name ${below(1_000_000)}`);
      };
      const seen = new Map<string, any[]>();
      const reader = async (name: string, userId: string | undefined): Promise<void> => {
        const events: any[] = [];
        seen.set(name, events);
        let after = String(start);
        for (let round = 0; round < 6; round++) {
          const client = await subscribeLive(url, { after, ...(userId && { user_id: userId }) });
          const wanted = 1 + below(20);
          await until('events arrive', () => client.events().length >= wanted);
          // Cut off, often with events under way that it does not see.
          client.socket.terminate();
          await client.closed;
          events.push(...client.events());
          after = client.events().at(-1).position;
        }
      };
      const writers = Array.from({ length: 8 }, writer);
      await Promise.all([...Array.from({ length: 6 }, (_, index) => reader(`all ${index}`, undefined)), reader('one', users[0].user_id)]);
      writing = false;
      await Promise.all(writers);

      for (const [name, events] of seen) {
        const positions = events.map(({ position }) => Number(position));
        if (name === 'one') {
          expect(new Set(events.map(({ subject }) => subject))).toEqual(new Set([users[0].user_id]));
          expect(events.map(({ version }) => version)).toEqual(events.map((_, index) => index + 2));
          continue;
        }
        expect(positions, name).toEqual(positions.map((_, index) => start + 1 + index));
      }
    }));

  describe('the client in docs/live-feed.md', () => {
    /** The client as it stands there, and what it was sent since it last began. */
    const openDocumented = async () => {
      const text = readFileSync(new URL('../../docs/live-feed.md', import.meta.url), 'utf8');
      const code = (/## A client that misses nothing\n[\s\S]*?```js\n([\s\S]*?)```/.exec(text)?.[1] ?? '').replace(
        'ws://localhost:8000/ws',
        url,
      );
      expect(code).toContain(url);
      const seen: any[] = [];
      const sockets: WebSocket[] = [];
      let stopped = false;
      class Observed extends WebSocket {
        constructor(address: string) {
          super(address);
          sockets.push(this);
        }
      }
      const later = (act: () => void) => setTimeout(() => stopped || act(), 10);
      const forget = () => void seen.splice(0);
      const quiet = { error: () => {} };
      const names = ['WebSocket', 'setTimeout', 'handle', 'forget', 'console'];
      new Function(...names, code)(Observed, later, (event: any) => seen.push(event), forget, quiet);
      await until('it follows', () => service.app.liveFeed.readers() === 1);
      const close = async (): Promise<void> => {
        stopped = true;
        sockets.at(-1)?.close();
        await until('it has left', () => service.app.liveFeed.readers() === 0);
      };
      return { seen, last: () => sockets.at(-1) as WebSocket, close };
    };

    it('comes back where it was after a break', async () => {
      const { seen, last, close } = await openDocumented();
      const before = await created(service);
      await until('the event arrives', () => seen.length === 1);
      last().close();
      await until('it has left', () => service.app.liveFeed.readers() === 0);
      const between = await created(service);
      await until('it is back', () => seen.length === 2);
      expect(seen.map(({ subject }) => subject)).toEqual([before.user_id, between.user_id]);
      await close();
    });

    it('begins again where the log has gone back, be it told or refused', async () => {
      const { seen, last, close } = await openDocumented();
      const all = Array.from({ length: await service.app.liveFeed.head() }, (_, index) => String(index + 1));
      const hasAll = () => seen.length === all.length && service.app.liveFeed.readers() === 1;
      service.app.liveFeed.beginAgain();
      await until('it has been sent everything', hasAll);
      last().onmessage?.({ data: JSON.stringify({ position: '999999' }) } as MessageEvent);
      last().close();
      await until('it has been sent everything', hasAll);
      expect(seen.map(({ position }) => position)).toEqual(all);
      await close();
    });
  });
});

it('the live feed serves 500 subscribers', async () => {
  const service = await startOwnService();
  const url = await liveUrl(service);
  const users = await Promise.all(Array.from({ length: 5 }, () => created(service)));
  const after = String(await service.app.liveFeed.head());
  const clients = await Promise.all(
    Array.from({ length: 500 }, (_, index) => subscribeLive(url, index % 10 === 0 ? { after, user_id: users[0].user_id } : { after })),
  );
  for (const { user_id } of users) for (let change = 0; change < 4; change++) await rename(service, user_id, `Name ${change}`);
  await until('all have all', () => clients.every((client, index) => client.events().length === (index % 10 === 0 ? 4 : 20)));
  for (const [index, client] of clients.entries()) {
    const positions = client.events().map(({ position }) => Number(position));
    expect(positions).toEqual(Array.from({ length: index % 10 === 0 ? 4 : 20 }, (_, nth) => Number(after) + 1 + nth));
  }
  await Promise.all(clients.map((client) => client.close()));
  await service.stop();
});
