import { describe, expect, it } from 'vitest';
import { block } from '../../../src/application/commands/block.ts';
import { blocked, created, deactivated, given, NEXT_WEEK, NOW, TOMORROW, timeOf } from '../../fixtures/given.ts';

describe('block', () => {
  it('needs neither reason nor end', () => given(created).when(block, {}).then(blocked(null, null)));

  it('takes null for absent', () => given(created).when(block, { reason: null, until: null }).then(blocked(null, null)));

  it('keeps reason and end, the end in UTC', () =>
    given(created).when(block, { reason: 'Spam', until: '2026-11-25T14:00:00+02:00' }).then(blocked('Spam', TOMORROW)));

  it('shows the block with the time at which it began', () =>
    given(created, deactivated)
      .when(block, { reason: 'Spam', until: TOMORROW })
      .thenUser({ status: 'blocked', blocked: { reason: 'Spam', until: TOMORROW, at: NOW.toISOString(), before: 'inactive' } }));

  it('replaces reason and end of the block there is', () => {
    given(created, blocked('Spam', TOMORROW)).when(block, { reason: 'Fraud', until: NEXT_WEEK }).then(blocked('Fraud', NEXT_WEEK));
    given(created, blocked('Spam', TOMORROW)).when(block, {}).then(blocked(null, null));
    given(created, blocked('Spam', TOMORROW)).when(block, { reason: 'Spam' }).then(blocked('Spam', null));
  });

  it('remembers the state before the first of several blocks', () =>
    given(created, deactivated, blocked('Spam'))
      .when(block, { reason: 'Fraud' })
      .thenUser({
        status: 'blocked',
        blocked: { reason: 'Fraud', until: null, at: NOW.toISOString(), before: 'inactive' },
      }));

  it('says nothing when the same block is there', () => {
    given(created, blocked('Spam', TOMORROW)).when(block, { reason: 'Spam', until: TOMORROW }).thenNothingHappens();
    given(created, blocked()).when(block, {}).thenNothingHappens();
  });

  it('ends in the future', () => {
    given(created).when(block, { until: NOW.toISOString() }).thenFails('validation-failed', '/until');
    given(created)
      .when(block, { until: timeOf(0) })
      .thenFails('validation-failed', '/until');
    given(created).when(block, { until: '2026-11-24T12:00:00.001Z' }).then(blocked(null, '2026-11-24T12:00:00.001Z'));
  });

  it('says that there is no user before it looks at the end', () =>
    given()
      .when(block, { until: timeOf(0) })
      .thenFails('user-not-found'));

  it('refuses what is no time and what is no text', () => {
    given(created).when(block, { until: 'tomorrow' }).thenFails('invalid-time');
    given(created).when(block, { until: '' }).thenFails('invalid-time');
    given(created).when(block, { reason: '' }).thenFails('too-short');
  });

  it('calls for its end, at its end', () => {
    expect(block.later?.({ until: '2026-11-25T14:00:00+02:00' })).toEqual({
      command: 'end_block',
      input: { until: '2026-11-25T14:00:00+02:00' },
      due: TOMORROW,
    });
  });

  it('calls for nothing when it has no end', () => {
    expect(block.later?.({})).toBeUndefined();
    expect(block.later?.({ until: null })).toBeUndefined();
  });
});
