import { describe, expect, it } from 'vitest';
import { recordProfileView } from '../../../src/application/commands/record-profile-view.ts';
import { hourOf } from '../../../src/domain/entities/profile-view.ts';
import { blocked, created, deleted, given, NOW } from '../../fixtures/given.ts';

const input = { viewer_id: '6BA7B810-9dad-41d1-80b4-00c04fd430c8', source: 'search' };

describe('record_profile_view', () => {
  it('leaves the user as it is', () => given(created).when(recordProfileView, input).thenNothingHappens());
  it('is possible on a blocked user', () => given(created, blocked('Spam')).when(recordProfileView, input).thenNothingHappens());
  it('does not find a user who never was', () => given().when(recordProfileView, input).thenFails('user-not-found'));
  it('does not view a deleted user', () => given(created, deleted).when(recordProfileView, input).thenFails('user-deleted'));

  it('makes a view of the viewer, the source and the time', () => {
    const view = recordProfileView.view?.(input, { now: NOW });
    expect(view).toEqual({ viewer_id: input.viewer_id.toLowerCase(), source: 'search', at: NOW });
    expect(recordProfileView.view?.({ viewer_id: input.viewer_id }, { now: NOW }).source).toBeNull();
  });

  it.each([
    ['2026-11-24T10:00:00.000Z', '2026-11-24T10:00:00.000Z'],
    ['2026-11-24T10:59:59.999Z', '2026-11-24T10:00:00.000Z'],
    ['2026-11-24T11:00:00.000Z', '2026-11-24T11:00:00.000Z'],
  ])('counts a view at %s to the clock hour of %s', (at, hour) => expect(hourOf({ at: new Date(at) }).toISOString()).toBe(hour));
});
