import tags from 'language-tags';
import { type Branded, InvalidValue } from './value-object.ts';

/** A BCP 47 language tag (RFC 5646) in its canonical form, for example en or zh-Hant-TW. */
export type LanguageCode = Branded<'LanguageCode'>;

const MAX_LENGTH = 35;
// RFC 5646, section 2.2: subtags that are left to agreement. XK for Kosovo is in wide use.
const PRIVATE_USE = { language: /^q[a-t][a-z]$/, script: /^Qa(?:a[a-z]|b[a-x])$/, region: /^(?:AA|Q[M-Z]|X[A-Z])$/, variant: /^$/ };

/** The tag must be well-formed and made of registered subtags; `en-us` becomes `en-US`. */
export const LanguageCode = (text: string): LanguageCode => {
  const canonical = text.length <= MAX_LENGTH ? canonicalForm(text) : undefined;
  if (canonical === undefined || canonical.length > MAX_LENGTH || !isRegistered(canonical)) {
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

/** Looks up every subtag before the first singleton; the order and number of them are right in a canonical form. */
const isRegistered = (canonical: string): boolean => {
  const [plain = ''] = canonical.split(/-[a-z\d]-/);
  return plain.split('-').every((subtag, index) => {
    const kind = kindOf(subtag, index);
    return tags.type(subtag, kind) !== null || PRIVATE_USE[kind].test(subtag);
  });
};

const kindOf = (subtag: string, index: number) => {
  if (index === 0) return 'language';
  if (/^[A-Za-z]{4}$/.test(subtag)) return 'script';
  return subtag.length <= 3 ? 'region' : 'variant';
};
