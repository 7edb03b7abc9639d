import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { USER_FOLD } from '../../src/domain/aggregates/user.ts';
import { eventsPageMistakes } from '../fixtures/events-page.ts';
import { loggedOf, readGolden } from '../fixtures/golden.ts';

it('docs/events.md has every event with every field, and an example', () => {
  const page = readFileSync(new URL('../../docs/events.md', import.meta.url), 'utf8');
  const stored = Object.fromEntries(
    loggedOf(readGolden(USER_FOLD)).map(({ type, data, personal }) => [type, { data: Object.keys(data), personal: Object.keys(personal) }]),
  );
  expect(eventsPageMistakes(page, { ...stored, ProfileViewed: { data: ['viewer_id', 'source'], personal: [] } })).toEqual([]);
});
