import { InvalidValue } from './value-object.ts';

export const AVATAR_URL_LENGTH = 2048;

const invalid = (detail: string) => new InvalidValue('invalid-url', detail);

// RFC 3986: the characters that may stand in a URI. Others are percent-encoded on the way in.
const URI = /^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/;

/** An https URL without user information. The service stores it and never fetches it. */
export const AvatarUrl = (text: string): string => {
  if (text.length > AVATAR_URL_LENGTH) throw invalid(`must have at most ${AVATAR_URL_LENGTH} characters`);
  // The URL parser drops some of these silently; what we store must be what was sent.
  if (!/^https:\/\/[^/]/i.test(text) || /[\s\p{C}\\]/u.test(text) || !URL.canParse(text)) throw invalid('must be an https URL');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') throw invalid('must not hold a user name or password');
  const stored = URI.test(text) ? text : url.href;
  if (stored.length > AVATAR_URL_LENGTH) throw invalid(`must have at most ${AVATAR_URL_LENGTH} characters`);
  return stored;
};
