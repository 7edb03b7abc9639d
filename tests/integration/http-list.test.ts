import { beforeAll, expect, test } from 'vitest';
import { onEachDatabase } from '../fixtures/database-kinds.ts';
import { created, expectProblem } from '../fixtures/http.ts';
import { useService } from '../fixtures/http-service.ts';
import { allPages } from '../fixtures/pages.ts';
import { newId } from '../fixtures/people.ts';

const USERS = 60;
const idsOf = (items: any[]): string[] => items.map(({ user_id }) => user_id);
const query = (filters: object) => `/api/users?${new URLSearchParams(filters as Record<string, string>)}`;

onEachDatabase('the list of users', (make) => {
  let clock = Date.UTC(2026, 10, 24, 10);
  const service = useService({ make, now: () => new Date(clock) });
  /** In the order of their creation, an hour apart. */
  const users: any[] = [];

  beforeAll(async () => {
    for (let i = 0; i < USERS; i++) {
      users.push(await created(service, { email: `Person.${i}+tag@Example.com`, phone: `+1202555${1000 + i}` }));
      clock += 3_600_000;
    }
    const post = (i: number, path: string) => service.request('POST', `/api/users/${users[i].user_id}/${path}`);
    for (const i of [3, 13, 23]) await post(i, 'deactivate');
    for (const i of [3, 14]) await post(i, 'block');
    for (const i of [5, 15]) await service.request('DELETE', `/api/users/${users[i].user_id}`);
  });

  const living = (): string[] => idsOf(users.filter((_, i) => i !== 5 && i !== 15));
  const found = async (filters: object): Promise<number[]> => {
    const { status, text, body } = await service.request('GET', query(filters));
    expect(status, text).toBe(200);
    return idsOf(body.items).map((id) => users.findIndex(({ user_id }) => user_id === id));
  };

  test('in tens has each once, in both orders, with whole users on it', async () => {
    for (const [sort, expected] of [
      ['created_at', living()],
      ['-created_at', living().toReversed()],
    ] as const) {
      const pages = await allPages(service, query({ sort, limit: '10' }));
      expect(pages.map(({ length }) => length)).toEqual([10, 10, 10, 10, 10, 8]);
      expect(idsOf(pages.flat())).toEqual(expected);
    }
    const [latest] = (await service.request('GET', '/api/users/')).body.items;
    expect(latest).toEqual((await service.request('GET', `/api/users/${latest.user_id}`)).body);
  });

  test('has each once while others are created and deleted', async () => {
    const before = living();
    const added: string[] = [];
    const churn = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) added.push((await created(service)).user_id);
      await service.request('DELETE', `/api/users/${added[Math.floor(added.length / 2)]}`);
    };
    for (const sort of ['created_at', '-created_at']) {
      const seen = idsOf((await allPages(service, query({ sort, limit: '10' }), { between: churn })).flat());
      expect(new Set(seen).size).toBe(seen.length);
      const old = seen.filter((id) => before.includes(id));
      expect(old).toEqual(sort === 'created_at' ? before : before.toReversed());
    }
    for (const id of added) await service.request('DELETE', `/api/users/${id}`);
  });

  test.each<[object, number[]]>([
    [{ email: 'person.7+tag@example.com' }, [7]],
    [{ email: 'PERSON.7+TAG@EXAMPLE.COM' }, [7]],
    [{ email: 'person.7@example.com' }, []],
    [{ phone: '+12025551007' }, [7]],
    [{ phone: '+1 202-555-1007' }, [7]],
    [{ email: 'person.7+tag@example.com', phone: '+12025551007' }, [7]],
    [{ email: 'person.7+tag@example.com', phone: '+12025551008' }, []],
    [{ status: 'inactive' }, [23, 13]],
    [{ status: 'blocked' }, [14, 3]],
    [{ status: 'deleted' }, [15, 5]],
    [{ status: 'deleted', sort: 'created_at', limit: '1' }, [5]],
    [{ status: 'blocked', phone: '+12025551014' }, [14]],
    [{ status: 'active', phone: '+12025551014' }, []],
    [{ email: 'person.5+tag@example.com' }, []],
    [{ created_after: '2026-11-26T20:00:00Z', sort: 'created_at' }, [59]],
    [{ created_after: '2026-11-26T20:59:59.999Z' }, [59]],
    [{ created_after: '2026-11-26T21:00:00Z' }, []],
    [{ created_after: '2026-11-26T22:00:00+02:00' }, [59]],
    [{ created_after: '2026-11-26t15:30:00.000000001-03:30' }, [59, 58]],
    [{ created_after: '2026-11-24T10:00:00Z', sort: 'created_at', limit: '2' }, [1, 2]],
    [{ created_after: '0000-01-01T00:00:00Z', sort: 'created_at', limit: '1' }, [0]],
    [{ created_after: '9999-12-31T23:59:59Z' }, []],
    [{ created_after: '2026-11-25T08:59:59Z', status: 'inactive' }, [23]],
  ])('with %j has exactly those', async (filters, expected) => {
    // The users of other tests have been deleted.
    const seen = await found(filters);
    expect('status' in filters && filters.status === 'deleted' ? seen.filter((i) => i >= 0) : seen).toEqual(expected);
  });

  test('shows nothing personal of a deleted user', async () => {
    const { items } = (await service.request('GET', query({ status: 'deleted', sort: 'created_at', limit: '1' }))).body;
    expect(items).toMatchObject([{ status: 'deleted', username: null, email: null, phone: null, bio: null, blocked: null }]);
  });

  test('reads + as people type it into an address, a number and an offset', async () => {
    for (const [typed, expected] of [
      ['email=person.7+tag@example.com', 7],
      ['phone=+12025551007', 7],
      ['phone=+1+202+555+1007', 7],
      ['created_after=2026-11-26T22:00:00+02:00', 59],
    ] as const) {
      const { body } = await service.request('GET', `/api/users?${typed}`);
      expect(idsOf(body.items)).toEqual([users[expected].user_id]);
    }
  });

  test.each([
    ['limit', '0'],
    ['limit', '201'],
    ['limit', '-1'],
    ['limit', '1e2'],
    ['limit', '9'.repeat(30)],
    ['limit', ''],
    ['sort', 'email'],
    ['sort', '-created_at;drop table users'],
    ['status', 'gone'],
    ['email', 'nobody'],
    ['phone', '123'],
    ['created_after', 'yesterday'],
    ['created_after', '2026-02-30T00:00:00Z'],
    ['created_after', '2026-11-26T22:00:00'],
    ['q', 'x'],
    ['q', '  '],
    ['q', 'x'.repeat(255)],
    ['offset', '10'],
  ])('takes no %s of "%s"', async (name, value) => {
    expectProblem(await service.request('GET', query({ [name]: value })), 422, 'validation-failed', `/${name}`);
  });

  test.each(['limit=1&limit=2', 'email=a@b.c&email=d@e.f', 'cursor=a&cursor=b', 'status=active&status=blocked'])(
    'takes no %s',
    async (twice) => {
      expectProblem(await service.request('GET', `/api/users?${twice}`), 422, 'validation-failed', `/${twice.split('=', 1)[0]}`);
    },
  );

  test('has pages of 1 to 200, and of 50 where nothing is said', async () => {
    expect((await service.request('GET', '/api/users')).body.items.length).toBe(50);
    expect((await service.request('GET', '/api/users?limit=200')).body).toMatchObject({ items: { length: USERS - 2 }, next_cursor: null });
    const last = await service.request('GET', `/api/users?limit=${USERS - 2}`);
    expect([last.body.next_cursor, last.headers.link]).toEqual([null, undefined]);
  });

  test('has cursors that fit these filters only, as they are', async () => {
    const filters = { sort: 'created_at', created_after: '2026-11-24T12:00:00+00:00', limit: '5' };
    const { next_cursor } = (await service.request('GET', query(filters))).body;
    const changed = [...next_cursor].map(
      (c: string, i: number) => next_cursor.slice(0, i) + (c === 'A' ? 'B' : 'A') + next_cursor.slice(i + 1),
    );
    for (const cursor of [...changed, '', `${next_cursor}A`, `${next_cursor}=`, next_cursor.slice(1), 'Infinity'])
      expectProblem(await service.request('GET', query({ ...filters, cursor })), 422, 'invalid-cursor', '/cursor');
    for (const other of [{ sort: '-created_at' }, { status: 'active' }, { q: 'john' }, { created_after: '2026-11-24T13:00:00Z' }])
      expectProblem(await service.request('GET', query({ ...filters, ...other, cursor: next_cursor })), 422, 'invalid-cursor');
    expectProblem(await service.request('GET', query({ cursor: next_cursor })), 422, 'invalid-cursor');
    const page = (await service.request('GET', query({ ...filters, limit: '2', cursor: next_cursor }))).body;
    expect(page.items.length).toBe(2);
    const views = `/api/users/${newId()}/profile-views?cursor=${next_cursor}`;
    expectProblem(await service.request('GET', views), 422, 'invalid-cursor');
  });
});
