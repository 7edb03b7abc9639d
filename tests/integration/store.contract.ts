import { describe, expect, it } from 'vitest';
import type { Rig } from '../fixtures/application-rig.ts';
import { changeEmail, creation, newEmail, rename, request, tally } from '../fixtures/people.ts';

/** What every store must do. `rig()` is a store that other tests use too, each with users of its own. */
export const storeContract = (rig: () => Rig): void => {
  const create = async (input?: object) => {
    const wanted = creation(input);
    await rig().execute(wanted);
    return wanted.user_id;
  };

  describe('64 writers on one user at the same time', () => {
    it('all take effect, one version each, where they name no version', async () => {
      const id = await create();
      const writers = Array.from({ length: 64 }, (_, i) => rig().execute(rename(id, `Writer${i}`)));
      const versions = (await Promise.all(writers)).map((answer) => 'user' in answer && answer.user.version);
      expect(versions.sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 64 }, (_, i) => i + 2));
      const history = await rig().store.readStream(id, 0, 100);
      expect(history.map(({ version }) => version)).toEqual(Array.from({ length: 65 }, (_, i) => i + 1));
    });

    it('exactly one wins where all name the same version, and the others hear the new one', async () => {
      const id = await create();
      const results = await Promise.allSettled(
        Array.from({ length: 64 }, (_, i) => rig().execute(rename(id, `Writer${i}`, { if_match: [1] }))),
      );
      expect(tally(results)).toEqual({ ok: 1, 'version-conflict': 63 });
      for (const result of results) if (result.status === 'rejected') expect(result.reason.facts.version).toBe(2);
      expect(await rig().types(id)).toEqual(['UserCreated', 'UserUsernameChanged']);
    });
  });

  describe('an email address', () => {
    it('is given to exactly one of 64 who ask for it at the same time', async () => {
      const email = newEmail();
      const results = await Promise.allSettled(Array.from({ length: 64 }, () => rig().execute(creation({ email }))));
      expect(tally(results)).toEqual({ ok: 1, 'email-taken': 63 });
    });

    it('is the same one in upper and in lower case', async () => {
      const email = newEmail();
      const inSomeCase = (mask: number) => [...email].map((c, i) => ((mask >> (i % 8)) & 1 ? c.toUpperCase() : c)).join('');
      const results = await Promise.allSettled(Array.from({ length: 64 }, (_, i) => rig().execute(creation({ email: inSomeCase(i) }))));
      expect(tally(results)).toEqual({ ok: 1, 'email-taken': 63 });
    });

    it('is free again once its user has another one or is deleted', async () => {
      const email = newEmail();
      const first = await create({ email });
      await rig().execute(changeEmail(first, newEmail()));
      const second = await create({ email });
      await rig().execute(request('delete', second, {}));
      await create({ email });
    });
  });

  describe('a once-only key', () => {
    const once = (key: string, request_hash = 'request') => ({ key, request_hash, status: 201 });

    it('lets exactly one of 50 equal requests take effect and gives all of them its answer', async () => {
      const email = newEmail();
      const answers = await Promise.all(Array.from({ length: 50 }, () => rig().execute(creation({ email }, { once: once(email) }))));
      expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
      expect(new Set(answers.map((answer) => 'user' in answer && JSON.stringify(answer.user)))).toHaveProperty('size', 1);
    });

    it('gives the answer of then, also when the user has changed since', async () => {
      const wanted = creation({}, { once: once(newEmail()) });
      const first = await rig().execute(wanted);
      await rig().execute(rename(wanted.user_id, 'Later'));
      expect(await rig().execute(wanted)).toEqual({ ...first, replayed: true });
    });

    it('gives its answer also where the same request would now be refused', async () => {
      const id = await create();
      const wanted = rename(id, 'Once', { if_match: [1], once: { ...once(newEmail()), status: 200 } });
      const first = await rig().execute(wanted);
      expect(await rig().execute(wanted)).toEqual({ ...first, replayed: true });
      await rig().execute(request('block', id, {}));
      expect(await rig().execute(wanted)).toEqual({ ...first, replayed: true });
    });

    it('is refused to another request', async () => {
      const key = newEmail();
      await rig().execute(creation({}, { once: once(key) }));
      await expect(rig().execute(creation({}, { once: once(key, 'another request') }))).rejects.toMatchObject({
        code: 'idempotency-key-reused',
      });
    });
  });

  describe('a row that another fold wrote', () => {
    const corrupt = (id: string) =>
      rig().database.query(`update users set fold = fold + 1, state = '{"status":"blocked"}'::json where user_id = $1`, [id]);

    it('is not trusted: the user is read from the log', async () => {
      const id = await create();
      const before = await rig().users.find(id);
      await corrupt(id);
      expect(await rig().users.find(id)).toEqual(before);
    });

    it('is put right by the next change, which is decided on the log', async () => {
      const id = await create();
      await corrupt(id);
      await rig().execute(rename(id, 'Zoe'));
      const [row] = await rig().database.query<any>('select fold, version, state from users where user_id = $1', [id]);
      expect(row).toMatchObject({ version: 2, state: { status: 'active', username: { first_name: 'Zoe' } } });
      expect((await rig().users.find(id))?.user).toEqual(row.state);
    });
  });
};
