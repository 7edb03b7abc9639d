import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { readConfig } from '../../src/infrastructure/container/config.ts';
import { type App, buildApp } from '../../src/infrastructure/container/container.ts';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { changeEmail, creation, newEmail, rename, tally } from '../fixtures/people.ts';
import { until } from '../fixtures/until.ts';

const postgres = storeKinds().at(-1);

describe.skipIf(inject('postgresUrl') === null)('two applications on one database [needs PostgreSQL]', () => {
  let place: Store;
  let apps: App[] = [];
  const app = (i: number): App => apps[i % apps.length] as App;

  beforeAll(async () => {
    place = (await postgres?.make()) as Store;
    const config = readConfig({ APP_ENV: 'test', DATABASE_URL: place.url, DATABASE_POOL_SIZE: '5', DATABASE_MAX_OVERFLOW: '0' });
    apps = await Promise.all([0, 1].map(() => buildApp(config, pino({ level: 'silent' }))));
    await Promise.all(apps.map((one) => one.start()));
    await until('both serve', () => apps.every((one) => one.state() === 'serving'));
  });
  afterAll(async () => {
    await Promise.all(apps.map((one) => one.stop()));
    await place?.drop();
  });

  it('carry out all changes of one user that name no version, one after the other', async () => {
    const person = creation();
    await app(0).execute(person);
    const results = await Promise.allSettled(Array.from({ length: 64 }, (_, i) => app(i).execute(rename(person.user_id, `Name${i}`))));
    expect(tally(results)).toEqual({ ok: 64 });
    expect(await app(0).getById(person.user_id, { fresh: true })).toMatchObject({ version: 65 });
  });

  it('let exactly one of those win that name the same version', async () => {
    const person = creation();
    await app(0).execute(person);
    const results = await Promise.allSettled(
      Array.from({ length: 64 }, (_, i) => app(i).execute(rename(person.user_id, `Name${i}`, { if_match: [1] }))),
    );
    expect(tally(results)).toEqual({ ok: 1, 'version-conflict': 63 });
  });

  it('give an email address, an id and a once-only key away once', async () => {
    const [email, key, person] = [newEmail(), newEmail(), creation()];
    const fifty = (run: (i: number) => Promise<unknown>) => Promise.allSettled(Array.from({ length: 50 }, (_, i) => run(i)));
    const once = { key, request_hash: 'request', status: 201 };
    const [emails, ids, keys] = await Promise.all([
      fifty((i) => app(i).execute(creation({ email }))),
      fifty((i) => app(i).execute({ ...creation(), user_id: person.user_id })),
      fifty(async (i) => ((await app(i).execute(creation({}, { once }))).replayed ? Promise.reject({ code: 'replayed' }) : null)),
    ]);
    expect(tally(emails)).toEqual({ ok: 1, 'email-taken': 49 });
    expect(tally(ids)).toEqual({ ok: 1, 'user-exists': 49 });
    expect(tally(keys)).toEqual({ ok: 1, replayed: 49 });
  });

  it('never both give an address to somebody while it moves from user to user', async () => {
    const emails = Array.from({ length: 3 }, newEmail);
    const people = Array.from({ length: 6 }, () => creation());
    await Promise.all(people.map((person, i) => app(i).execute(person)));
    await Promise.allSettled(
      Array.from({ length: 120 }, (_, i) => app(i).execute(changeEmail(people[i % 6]?.user_id as never, emails[(i * 7) % 3] as string))),
    );
    const owners = await Promise.all(people.map(({ user_id }) => app(0).getById(user_id, { fresh: true })));
    const held = owners.map(({ user }) => user.email).filter((email) => emails.includes(email ?? ''));
    expect(new Set(held).size).toBe(held.length);
    expect(held.length).toBeGreaterThan(0);
  });

  it('see at once what the other one wrote where they ask the database', async () => {
    const person = creation();
    await app(0).execute(person);
    for (let version = 2; version < 20; version++) {
      await app(version).execute(rename(person.user_id, `Name${version}`));
      expect(await app(version + 1).getById(person.user_id, { fresh: true })).toMatchObject({ version });
    }
  });
});
