import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anyStore, type Store } from '../fixtures/database-kinds.ts';
import { created, expectProblem, userIn } from '../fixtures/http.ts';
import { type Service, startService } from '../fixtures/http-service.ts';
import { newId } from '../fixtures/people.ts';

let place: Store;
let service: Service;
let owner: any;
const viewers: Record<string, string | null> = { 'an unknown id': newId(), anonymous: null };

beforeAll(async () => {
  place = await anyStore();
  service = await startService(place.url);
  owner = await created(service, { bio: 'Builds bridges.', birth_date: '1990-05-21', avatar_url: 'https://cdn.example.com/j.png' });
  viewers['the owner'] = owner.user_id;
  for (const state of ['active', 'inactive', 'blocked', 'deleted'] as const)
    viewers[`a user who is ${state}`] = (await userIn(service, state)).user_id;
  for (let i = 0; i < 3; i++) await service.request('POST', `/api/users/${owner.user_id}/profile-views`, { viewer_id: newId() });
});
afterAll(async () => {
  await service?.stop();
  await place?.drop();
});

const look = (id: string, viewer: string | null) =>
  service.request('GET', `/api/users/${id}/profile${viewer === null ? '' : `?viewer_id=${viewer}`}`);
const set = (settings: object) => service.request('PATCH', `/api/users/${owner.user_id}/privacy-settings`, settings);

/** The field that each setting shows. */
const shown = {
  show_email: 'email',
  show_phone: 'phone',
  show_birth_date: 'birth_date',
  show_bio: 'bio',
  show_profile_views: 'profile_views',
} as const;
type Setting = keyof typeof shown;
const settings = Object.keys(shown) as Setting[];
const only = (on: readonly Setting[]) => Object.fromEntries(settings.map((name) => [name, on.includes(name)]));
/** Nothing shown, everything, each alone, and everything but each. */
const combinations: Setting[][] = [
  [],
  settings,
  ...settings.map((name) => [name]),
  ...settings.map((one) => settings.filter((name) => name !== one)),
];

/** Who sees a profile with this visibility. */
const audience: Record<string, (viewer: string) => boolean> = {
  everyone: () => true,
  users: (viewer) => viewer === 'the owner' || viewer === 'a user who is active',
  nobody: (viewer) => viewer === 'the owner',
};
const names = [
  'the owner',
  ...['active', 'inactive', 'blocked', 'deleted'].map((state) => `a user who is ${state}`),
  'an unknown id',
  'anonymous',
];

describe.each(Object.keys(audience))('a profile for %s', (profile_visibility) => {
  it.each(names)('as seen by: %s', async (viewer) => {
    for (const on of combinations) {
      await set({ profile_visibility, ...only(on) });
      const answer = await look(owner.user_id, viewers[viewer] ?? null);
      if (!audience[profile_visibility]?.(viewer)) {
        expectProblem(answer, 404, 'user-not-found');
        continue;
      }
      const values: Record<string, unknown> = { ...owner, profile_views: 3 };
      const visible = viewer === 'the owner' ? settings : on;
      expect(answer.status, answer.text).toBe(200);
      expect(answer.body).toEqual({
        user_id: owner.user_id,
        username: owner.username,
        avatar_url: owner.avatar_url,
        language_code: 'en',
        ...Object.fromEntries(settings.map((name) => [shown[name], visible.includes(name) ? values[shown[name]] : null])),
      });
    }
  });
});

describe('a profile', () => {
  it('of a user with default settings shows the bio to everybody and no contacts', async () => {
    const { user_id } = await created(service, { bio: 'x' });
    expect((await look(user_id, null)).body).toMatchObject({ bio: 'x', email: null, phone: null, birth_date: null, profile_views: null });
  });

  it('that may not be seen looks like one that never was', async () => {
    await set({ profile_visibility: 'nobody' });
    const [hidden, missing] = [(await look(owner.user_id, null)).body, (await look(newId(), null)).body];
    expect({ ...hidden, request_id: '' }).toEqual({ ...missing, request_id: '' });
  });

  it('of a deleted user is gone, for its owner too', async () => {
    const { user_id } = await userIn(service, 'deleted');
    for (const viewer of [user_id, null, newId()]) expectProblem(await look(user_id, viewer), 410, 'user-deleted');
  });

  it.each(['active', 'inactive', 'blocked'] as const)('of a user who is %s is seen by its owner', async (state) => {
    const { user_id, email } = await userIn(service, state);
    expect((await look(user_id, user_id.toUpperCase())).body).toMatchObject({ user_id, email, profile_views: 0 });
  });

  it('is seen at once under new settings, and by a viewer who became active', async () => {
    const { user_id } = await userIn(service, 'inactive');
    await set({ profile_visibility: 'users' });
    expectProblem(await look(owner.user_id, user_id), 404, 'user-not-found');
    await service.request('POST', `/api/users/${user_id}/activate`);
    expect((await look(owner.user_id, user_id)).status).toBe(200);
    await service.request('POST', `/api/users/${user_id}/block`);
    expectProblem(await look(owner.user_id, user_id), 404, 'user-not-found');
  });

  it.each(['viewer_id=', 'viewer_id=x', 'viewer_id=00000000-0000-0000-0000-000000000000', `viewer_id=${newId()}&viewer_id=${newId()}`])(
    'takes no %s',
    async (query) => {
      const answer = await service.request('GET', `/api/users/${owner.user_id}/profile?${query}`);
      expectProblem(answer, 422, 'validation-failed', '/viewer_id');
    },
  );
});
