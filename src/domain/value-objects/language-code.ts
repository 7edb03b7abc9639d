import tags from 'language-tags';
import { type Branded, InvalidValue } from './value-object.ts';

/** A BCP 47 language tag (RFC 5646) in its canonical form, for example en or zh-Hant-TW. */
export type LanguageCode = Branded<'LanguageCode'>;

/** The tag must be well-formed and made of registered subtags; `en-us` becomes `en-US`. */
export const LanguageCode = (text: string): LanguageCode => {
  const canonical = text.length <= 35 ? canonicalForm(text) : undefined;
  if (canonical === undefined || !tags.check(canonical)) {
    throw new InvalidValue('invalid-language', 'must be a BCP 47 language tag, for example en or pt-BR');
  }
  return canonical as LanguageCode;
};

const canonicalForm = (text: string): string | undefined => {
  try {
    return Intl.getCanonicalLocales(text)[0];
  } catch {
    return undefined; // a RangeError: not well-formed
  }
};
