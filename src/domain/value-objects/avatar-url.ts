import { InvalidValue } from './value-object.ts';

export const AVATAR_URL_LENGTH = 2048;

const invalid = (detail: string) => new InvalidValue('invalid-url', detail);

// RFC 3986, for https and without user information: host, port, path, query, fragment.
const URI =
  /^https:\/\/(?:[\w.~-]+|\[[\da-f:.]+\])(?::\d*)?(?:\/(?:[\w\-.~!$&'()*+,;=:@/]|%[\da-f]{2})*)?(?:\?(?:[\w\-.~!$&'()*+,;=:@/?]|%[\da-f]{2})*)?(?:#(?:[\w\-.~!$&'()*+,;=:@/?]|%[\da-f]{2})*)?$/i;
// What the URL parser leaves as it is although RFC 3986 wants it percent-encoded.
const LEFT_UNENCODED = /["<>[\]^`{|}]|%(?![\da-f]{2})/gi;

/** An https URL without user information. The service stores it as it was sent where RFC 3986 allows, and never fetches it. */
export const AvatarUrl = (text: string): string => {
  if (text.length > AVATAR_URL_LENGTH) throw invalid(`must have at most ${AVATAR_URL_LENGTH} characters`);
  const authority = /^https:\/\/([^/?#]+)/i.exec(text)?.[1];
  // The URL parser drops or turns some of these silently; what we store must be what was sent.
  if (authority === undefined || /[\s\p{C}\\]/u.test(text) || !URL.canParse(text)) throw invalid('must be an https URL');
  if (authority.includes('@')) throw invalid('must not hold a user name or password');
  const stored = URI.test(text) ? text : encoded(new URL(text));
  if (!URI.test(stored)) throw invalid('must be an https URL');
  if (stored.length > AVATAR_URL_LENGTH) throw invalid(`must have at most ${AVATAR_URL_LENGTH} characters`);
  return stored;
};

const encoded = ({ origin, pathname, search, hash }: URL): string => {
  const rest = `${pathname}${search}`.replace(LEFT_UNENCODED, encodeURIComponent);
  const fragment = hash.slice(1).replace(LEFT_UNENCODED, encodeURIComponent).replaceAll('#', '%23');
  return `${origin}${rest}${fragment && `#${fragment}`}`;
};
