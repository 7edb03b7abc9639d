import { describe, expect, it } from 'vitest';
import type { CommandRequest } from '../../src/application/services/user-service.ts';
import type { Rig } from '../fixtures/application-rig.ts';
import { changeEmail, creation, newEmail, newId, rename, tally } from '../fixtures/people.ts';

/** Group commit must not show: what one command of a batch comes to is its own affair. */
export const batchContract = (rig: () => Rig): void => {
  const SIZE = 5;

  /** Sends all in one turn of the event loop, so that they are one batch. */
  const together = (requests: readonly CommandRequest[]) => Promise.allSettled(requests.map((request) => rig().execute(request)));

  const withOneBad = async (bad: (index: number) => CommandRequest, code: string) => {
    for (let index = 0; index < SIZE; index++) {
      const requests = Array.from({ length: SIZE }, (_, i) => (i === index ? bad(i) : creation()));
      const results = await together(requests);
      expect(results.map((result) => result.status)).toEqual(requests.map((_, i) => (i === index ? 'rejected' : 'fulfilled')));
      expect(tally(results)).toEqual({ ok: SIZE - 1, [code]: 1 });
      const written = await Promise.all(requests.map(({ user_id }) => rig().types(user_id)));
      expect(written.map((types, i) => (i === index ? [] : types))).toEqual(requests.map((_, i) => (i === index ? [] : ['UserCreated'])));
    }
  };

  describe('a bad command at any place of a batch does its neighbours no harm', () => {
    it('where the state refuses it', () => withOneBad(() => rename(newId(), 'Nobody'), 'user-not-found'));

    it('where another user has its key', async () => {
      const email = newEmail();
      await rig().execute(creation({ email }));
      await withOneBad(() => creation({ email }), 'email-taken');
    });

    it('where the database refuses the whole statement because of it', async () => {
      const before = rig().batches.length;
      // A NUL, which no text of the database can hold: the API lets none through, so it is handed in here.
      await withOneBad(() => creation({}, { actor: 'nul \0' }), 'StoreFailure: refused (22P05)');
      // The batch was halved until the bad one stood alone.
      expect(rig().batches.slice(before)).toContain(SIZE);
      expect(rig().batches.slice(before)).toContain(1);
    });
  });

  describe('who asks for a key beside another one', () => {
    it('gets it where the other one is refused for something else', async () => {
      const [email, phone] = [newEmail(), '+12025550100'];
      await rig().execute(creation({ phone }));
      const [loser, winner] = await together([creation({ email, phone }), creation({ email })]);
      expect(loser).toMatchObject({ status: 'rejected', reason: { code: 'phone-taken' } });
      expect(winner).toMatchObject({ status: 'fulfilled' });
    });

    it('gets it where the database refuses the other one', async () => {
      const email = newEmail();
      const [loser, winner] = await together([creation({ email }, { actor: 'nul \0' }), creation({ email })]);
      expect([loser?.status, winner?.status]).toEqual(['rejected', 'fulfilled']);
    });

    it('does not get it where the other one is fine, and may ask again at once for another', async () => {
      const [email, free] = [newEmail(), newEmail()];
      const second = creation();
      await rig().execute(second);
      const results = await together([creation({ email }), changeEmail(second.user_id, email), changeEmail(second.user_id, free)]);
      expect(tally(results)).toEqual({ ok: 2, 'email-taken': 1 });
      expect((await rig().users.find(second.user_id))?.user.email).toBe(free);
    });
  });

  it('commands of one user take effect in the order they came in, whatever else is under way', async () => {
    const { user_id } = creation();
    const others = Array.from({ length: 10 }, () => creation());
    const mine = [request(user_id), ...Array.from({ length: 10 }, (_, i) => rename(user_id, `Name${i}`))];
    await together(mine.flatMap((own, i) => [own, ...others.slice(i, i + 1)]));
    const names = (await rig().store.readStream(user_id, 1, 100)).map(({ personal }) => (personal as any).username.first_name);
    expect(names).toEqual(Array.from({ length: 10 }, (_, i) => `Name${i}`));
  });

  it('more commands than one batch takes are all carried out', async () => {
    const before = rig().batches.length;
    expect(tally(await together(Array.from({ length: 300 }, () => creation())))).toEqual({ ok: 300 });
    expect(rig().batches.slice(before).length).toBeGreaterThan(1);
  });
};

const request = (user_id: CommandRequest['user_id']): CommandRequest => ({ ...creation(), user_id });
