import { describe, it } from 'vitest';
import { changeLanguageCode } from '../../../src/application/commands/change-language-code.ts';
import { created, given, languageCodeChanged } from '../../fixtures/given.ts';

describe('change_language_code', () => {
  it('sets the language in its canonical form', () =>
    given(created).when(changeLanguageCode, { new_language_code: 'zh-hant-tw' }).then(languageCodeChanged('zh-Hant-TW')));

  it('says nothing when it stays the same', () =>
    given(created).when(changeLanguageCode, { new_language_code: 'EN' }).thenNothingHappens());

  it('refuses what is no language tag', () =>
    given(created).when(changeLanguageCode, { new_language_code: 'en_US' }).thenFails('invalid-language'));
});
