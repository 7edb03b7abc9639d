import { domainToASCII, domainToUnicode } from 'node:url';
import { InvalidValue } from './value-object.ts';

export const AVATAR_URL_LENGTH = 2048;

const invalid = (detail: string) => new InvalidValue('invalid-url', detail);

// RFC 3986, for https and without user information: host, port, path, query, fragment.
const URI =
  /^https:\/\/(?:[\w.~-]+|\[[\da-f:.]+\])(?::\d*)?(?:\/(?:[\w\-.~!$&'()*+,;=:@/]|%[\da-f]{2})*)?(?:\?(?:[\w\-.~!$&'()*+,;=:@/?]|%[\da-f]{2})*)?(?:#(?:[\w\-.~!$&'()*+,;=:@/?]|%[\da-f]{2})*)?$/i;
// A name as servers have it, underscores included (RFC 1123, 2.1), without the dot of the root: that is one more spelling.
const HOST_NAME = /^(?=.{1,253}$)(?:[a-z\d_](?:[\w-]{0,61}[a-z\d_])?\.)*[a-z\d_](?:[\w-]{0,61}[a-z\d_])?$/i;
// By which the URL parser knows an IPv4 address.
const NUMBER_LAST = /(?:^|\.)\d[\da-fx]*$/;
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
  if (!isHost(stored)) throw invalid('must name a host as example.com');
  if (stored.length > AVATAR_URL_LENGTH) throw invalid(`must have at most ${AVATAR_URL_LENGTH} characters`);
  return stored;
};

/** A name, or an IP address in the form in which the URL parser, too, writes it: 0x7f.1 is none. */
const isHost = (url: string): boolean => {
  const host = /^https:\/\/(\[[^\]]*\]|[^:/?#]*)/i.exec(url)?.[1]?.toLowerCase() ?? '';
  if (host.startsWith('[')) return true;
  if (!HOST_NAME.test(host)) return false;
  if (NUMBER_LAST.test(host)) return new URL(url).hostname === host;
  return !host.includes('xn--') || isEncoded(host);
};

/** Whether labels in Punycode stand for names, and for no others than they are made from. */
const isEncoded = (host: string): boolean => {
  const unicode = domainToUnicode(host);
  return !/(?:^|\.)(?:-|xn--|$)|-(?:\.|$)/.test(unicode) && domainToASCII(unicode) === host;
};

const encoded = ({ origin, pathname, search, hash }: URL): string => {
  const rest = `${pathname}${search}`.replace(LEFT_UNENCODED, encodeURIComponent);
  const fragment = hash.slice(1).replace(LEFT_UNENCODED, encodeURIComponent).replaceAll('#', '%23');
  return `${origin}${rest}${fragment && `#${fragment}`}`;
};
