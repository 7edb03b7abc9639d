import tags from 'language-tags';
import { type Branded, InvalidValue } from './value-object.ts';

/** A BCP 47 language tag (RFC 5646) in its canonical form, for example en or zh-Hant-TW. */
export type LanguageCode = Branded<'LanguageCode'>;

const MAX_LENGTH = 35;
// RFC 5646, section 2.1: language, extended language, script, region, variants, extensions, private use.
const LANGTAG =
  /^([a-z]{2,8})(?:-([a-z]{3}))?(?:-([a-z]{4}))?(?:-([a-z]{2}|\d{3}))?((?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*)((?:-[a-wyz\d](?:-[a-z\d]{2,8})+)*)((?:-x(?:-[a-z\d]{1,8})+)?)$/;
const EXTENSION = /-[a-wyz\d](?:-[a-z\d]{2,8})+/g;
// RFC 5646, section 2.2: subtags that are left to agreement. XK for Kosovo is in wide use.
const PRIVATE_USE = {
  language: /^q[a-t][a-z]$/,
  script: /^qa(?:a[a-z]|b[a-x])$/,
  region: /^(?:aa|q[m-z]|x[a-z])$/,
  variant: /^$/,
};

const invalid = () => new InvalidValue('invalid-language', 'must be a BCP 47 language tag, for example en or pt-BR');

/**
 * The tag must be well-formed and made of registered subtags; `en-us` becomes `en-US`. It is kept in the canonical form
 * of RFC 5646, section 4.5: what the IANA registry prefers is put for what it replaces. CLDR, and so Intl, replaces more.
 */
export const LanguageCode = (text: string): LanguageCode => {
  if (text.length > MAX_LENGTH || !/^[A-Za-z\d-]+$/.test(text)) throw invalid();
  const canonical = registeredAsAWhole(text) ?? canonicalForm(text.toLowerCase());
  if (canonical.length > MAX_LENGTH) throw invalid();
  return canonical as LanguageCode;
};

/** The canonical form of a tag that the registry lists as a whole: one older than the subtags, like i-klingon, or one that has become a language, like zh-cmn-Hans. */
const registeredAsAWhole = (text: string): string | undefined => {
  const tag = tags(text);
  if (tag.type() === 'tag') return undefined;
  const preferred = tag.preferred();
  if (preferred === null && tag.type() === 'redundant') return undefined;
  return (preferred ?? tag).format();
};

const canonicalForm = (text: string): string => {
  const parts = LANGTAG.exec(text);
  if (parts === null) throw invalid();
  const [, language = '', extlang, script, region, variants = '', extensions = '', privateUse = ''] = parts;
  if (extlang !== undefined && !entry('extlang', extlang)?.data.record.Prefix?.includes(language)) throw invalid();
  const subtags = [
    canonicalSubtag('language', extlang ?? language),
    ...(script === undefined ? [] : [canonicalSubtag('script', script)]),
    // ISO 3166 reserves UK for the United Kingdom, and people write it.
    ...(region === undefined ? [] : [canonicalSubtag('region', region === 'uk' ? 'gb' : region)]),
    ...canonicalVariants(variants),
  ];
  return subtags.join('-') + canonicalExtensions(extensions) + privateUse;
};

// The index of the package's own `type` takes the first entry, aa for Afar, for none.
const entry = (kind: keyof typeof PRIVATE_USE | 'extlang', subtag: string) => tags.subtags(subtag).find((found) => found.type() === kind);

const canonicalSubtag = (kind: keyof typeof PRIVATE_USE, subtag: string): string => {
  const registered = entry(kind, subtag);
  if (registered === undefined && !PRIVATE_USE[kind].test(subtag)) throw invalid();
  const preferred = registered?.preferred()?.format() ?? subtag;
  if (kind === 'region') return preferred.toUpperCase();
  return kind === 'script' ? preferred.charAt(0).toUpperCase() + preferred.slice(1) : preferred;
};

/** In the order in which they were written, which has a meaning. */
const canonicalVariants = (variants: string): string[] => {
  // The registry about heploc: "Preferred tag is ja-Latn-alalc97". The hepburn that heploc stood behind goes with it.
  const written = variants.replace('-hepburn-heploc', '-heploc').split('-').slice(1);
  if (new Set(written).size < written.length) throw invalid();
  return [...new Set(written.map((variant) => canonicalSubtag('variant', variant)))];
};

const canonicalExtensions = (extensions: string): string => {
  const each = extensions.match(EXTENSION) ?? [];
  if (new Set(each.map((extension) => extension[1])).size < each.length) throw invalid();
  return each.map(canonicalExtension).sort().join('');
};

const canonicalExtension = (extension: string): string => {
  try {
    // RFC 6067 leaves the values of -u- to CLDR, which Intl goes by.
    const byCldr = Intl.getCanonicalLocales(`und${extension}`)[0] ?? '';
    if (!extension.startsWith('-t-')) return byCldr.slice('und'.length);
  } catch {
    throw invalid(); // a RangeError: not well-formed
  }
  // RFC 6497 sorts the fields of -t- and leaves the language before them as it is.
  const [language, ...fields] = extension.split(/-(?=[a-z]\d(?:-|$))/);
  return [language, ...fields.sort()].join('-');
};
