import { describe, it } from 'vitest';
import { endBlock } from '../../../src/application/commands/end-block.ts';
import { blocked, created, deactivated, deleted, given, NEXT_WEEK, TOMORROW, unblocked } from '../../fixtures/given.ts';

const end = { until: TOMORROW };

describe('end_block', () => {
  it('ends the block that it was made for', () => given(created, blocked('Spam', TOMORROW)).when(endBlock, end).then(unblocked));

  it('reads the time in the form in which the block was asked for', () =>
    given(created, blocked(null, TOMORROW)).when(endBlock, { until: '2026-11-25T14:00:00+02:00' }).then(unblocked));

  it('returns the user to the state before', () =>
    given(created, deactivated, blocked('Spam', TOMORROW)).when(endBlock, end).thenUser({ status: 'inactive', blocked: null }));

  it('leaves a block alone that replaced it and ends later, or never', () => {
    given(created, blocked('Spam', TOMORROW), blocked('Spam', NEXT_WEEK)).when(endBlock, end).thenNothingHappens();
    given(created, blocked('Spam', TOMORROW), blocked('Fraud')).when(endBlock, end).thenNothingHappens();
    given(created, blocked('Spam', TOMORROW), unblocked, blocked()).when(endBlock, end).thenNothingHappens();
  });

  it('ends a block that replaced it and ends at the same time', () =>
    given(created, blocked('Spam', TOMORROW), blocked('Fraud', TOMORROW)).when(endBlock, end).then(unblocked));

  it('has nothing to do when the block is gone, or the user', () => {
    given(created, blocked('Spam', TOMORROW), unblocked).when(endBlock, end).thenNothingHappens();
    given(created, blocked('Spam', TOMORROW), deleted).when(endBlock, end).thenNothingHappens();
    given().when(endBlock, end).thenNothingHappens();
  });
});
