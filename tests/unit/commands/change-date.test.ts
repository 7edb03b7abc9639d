import { describe, it } from 'vitest';
import { changeDate } from '../../../src/application/commands/change-date.ts';
import { birthDateChanged, created, given } from '../../fixtures/given.ts';

describe('change_date', () => {
  it('sets the birth date', () => given(created).when(changeDate, { new_birth_date: '1990-05-21' }).then(birthDateChanged('1990-05-21')));

  it('says nothing when it stays the same', () =>
    given(created, birthDateChanged('1990-05-21')).when(changeDate, { new_birth_date: '1990-05-21' }).thenNothingHappens());

  it('clears it with null', () =>
    given(created, birthDateChanged('1990-05-21')).when(changeDate, { new_birth_date: null }).then(birthDateChanged(null)));

  it('says nothing when there is none to clear', () => given(created).when(changeDate, { new_birth_date: null }).thenNothingHappens());

  it('may be today and not tomorrow', () => {
    given(created).when(changeDate, { new_birth_date: '2026-11-24' }).then(birthDateChanged('2026-11-24'));
    given(created).when(changeDate, { new_birth_date: '2026-11-25' }).thenFails('date-in-future');
  });
});
