import { describe, it } from 'vitest';
import { activate } from '../../../src/application/commands/activate.ts';
import { block } from '../../../src/application/commands/block.ts';
import { changeBio } from '../../../src/application/commands/change-bio.ts';
import { deactivate } from '../../../src/application/commands/deactivate.ts';
import { endBlock } from '../../../src/application/commands/end-block.ts';
import { recordProfileView } from '../../../src/application/commands/record-profile-view.ts';
import { unblock } from '../../../src/application/commands/unblock.ts';
import {
  activated,
  bioChanged,
  blockExpired,
  blocked,
  created,
  deactivated,
  deleted,
  given,
  NEXT_WEEK,
  NOW,
  TOMORROW,
  timeOf,
  unblocked,
} from '../../fixtures/given.ts';

const end = { until: TOMORROW };

describe('end_block', () => {
  it('ends the block that it was made for', () => given(created, blocked('Spam', TOMORROW)).when(endBlock, end).then(blockExpired));

  it('reads the time in the form in which the block was asked for', () =>
    given(created, blocked(null, TOMORROW)).when(endBlock, { until: '2026-11-25T14:00:00+02:00' }).then(blockExpired));

  it('returns the user to the state before', () =>
    given(created, deactivated, blocked('Spam', TOMORROW)).when(endBlock, end).thenUser({ status: 'inactive', blocked: null }));

  it('leaves a block alone that replaced it and ends later, or never', () => {
    given(created, blocked('Spam', TOMORROW), blocked('Spam', NEXT_WEEK)).when(endBlock, end).thenNothingHappens();
    given(created, blocked('Spam', TOMORROW), blocked('Fraud')).when(endBlock, end).thenNothingHappens();
    given(created, blocked('Spam', TOMORROW), unblocked, blocked()).when(endBlock, end).thenNothingHappens();
  });

  it('ends a block that replaced it and ends at the same time', () =>
    given(created, blocked('Spam', TOMORROW), blocked('Fraud', TOMORROW)).when(endBlock, end).then(blockExpired));

  it('has nothing to do when the block is gone, or the user', () => {
    given(created, blocked('Spam', TOMORROW), unblocked).when(endBlock, end).thenNothingHappens();
    given(created, blocked('Spam', TOMORROW), deleted).when(endBlock, end).thenNothingHappens();
    given().when(endBlock, end).thenNothingHappens();
  });
});

describe('a block whose time is over', () => {
  const over = [created, deactivated, blocked('Spam', NOW.toISOString())] as const;
  const stands = [created, deactivated, blocked('Spam', '2026-11-24T12:00:00.001Z')] as const;

  it('has ended before whatever is done to the user, who is as before the block by then', () => {
    given(...over)
      .when(changeBio, { new_bio: 'Hi' })
      .then(blockExpired, bioChanged('Hi'));
    given(...over)
      .when(changeBio, { new_bio: 'Hi' })
      .thenUser({ status: 'inactive', blocked: null, bio: 'Hi' });
    given(...over)
      .when(activate, {})
      .then(blockExpired, activated);
    given(...over)
      .when(block, { reason: 'Fraud' })
      .then(blockExpired, blocked('Fraud'));
    given(...over)
      .when(block, { reason: 'Fraud' })
      .thenUser({ blocked: { reason: 'Fraud', until: null, at: NOW.toISOString(), before: 'inactive' } });
  });

  it('ends by a command that has nothing else to do, and by its time, whoever asks', () => {
    given(...over)
      .when(unblock, {})
      .then(blockExpired);
    given(...over)
      .when(deactivate, {})
      .then(blockExpired);
    given(...over)
      .when(endBlock, { until: NOW.toISOString() })
      .then(blockExpired);
    given(...over)
      .when(endBlock, { until: timeOf(0) })
      .then(blockExpired);
  });

  it('is not ended by what is refused, nor by a view', () => {
    given(...over)
      .when(block, { until: timeOf(0) })
      .thenFails('validation-failed', '/until');
    given(...over)
      .when(changeBio, { new_bio: '' })
      .thenFails('too-short');
    given(...over)
      .when(recordProfileView, { viewer_id: '6ba7b810-9dad-41d1-80b4-00c04fd430c8' })
      .thenNothingHappens();
  });

  it('stands until that very moment', () => {
    given(...stands)
      .when(changeBio, { new_bio: 'Hi' })
      .thenFails('user-blocked');
    given(...stands)
      .when(unblock, {})
      .then(unblocked);
  });
});
