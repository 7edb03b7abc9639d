import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRig } from '../fixtures/application-rig.ts';
import { runLumin } from '../fixtures/child.ts';
import { anyStore, type Store } from '../fixtures/database-kinds.ts';
import { creation } from '../fixtures/people.ts';

describe('npm run lumin -- verify', () => {
  let place: Store;
  beforeAll(async () => {
    place = await anyStore();
  });
  afterAll(() => place?.drop());

  it('exits 0 where all is well, and 1 with a line for every broken rule', async () => {
    const empty = await runLumin(['verify'], { DATABASE_URL: place.url });
    expect(empty).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(/^lumin: tables are missing in .+: npm run migrate\n$/) });

    const person = creation();
    let rig = await openRig(place.url);
    await rig.execute(person);
    await rig.close();
    const sound = await runLumin(['verify'], { DATABASE_URL: place.url });
    expect(sound).toEqual({ code: 0, stdout: '1 users, 1 events, no rule broken\n', stderr: '' });

    rig = await openRig(place.url);
    await rig.database.query('update users set version = 7');
    await rig.close();
    const broken = await runLumin(['verify'], { DATABASE_URL: place.url });
    expect(broken).toEqual({
      code: 1,
      stdout: `read-model: user ${person.user_id}: the row has version 7, the log 1\n1 users, 1 events, 1 violations\n`,
      stderr: '',
    });
  });

  it('says in one line that the database cannot be reached', async () => {
    const { code, stderr } = await runLumin(['verify'], { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^lumin: nothing listens on .+ \(DATABASE_URL in the environment\): .*\n$/),
    });
  });
});
