import { domainToASCII, domainToUnicode } from 'node:url';
import { type Branded, InvalidValue } from './value-object.ts';

/** An address as it is written to: the local part as typed, the domain in lower-case ASCII (IDNA). */
export type Email = Branded<'Email'>;

// Linear patterns only; the length is checked before any of them runs.
const LOCAL_PART = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
// Letters, digits, hyphens; the dots of East Asian keyboards; and what RFC 5892 lets stand between certain letters.
const DOMAIN_AS_TYPED = /^[\p{L}\p{N}\p{M}.\-\u3002\uFF0E\uFF61\u00B7\u0375\u05F3\u05F4\u30FB\u200C\u200D]+$/u;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

const invalid = (detail: string) => new InvalidValue('invalid-email', detail);

/** A dot-atom local part in ASCII @ a domain with a dot (RFC 5321, RFC 5891). Nothing is trimmed. */
export const Email = (text: string): Email => {
  if (text.length > 254) throw invalid('must have at most 254 characters');
  const atSign = text.lastIndexOf('@');
  if (atSign < 1) throw invalid('must be an address like name@example.com');
  const local = text.slice(0, atSign);
  if (local.length > 64) throw invalid('must have at most 64 characters before the @');
  if (!LOCAL_PART.test(local)) throw invalid('has a character or a dot before the @ that is not accepted there');
  const typed = text.slice(atSign + 1);
  const domain = DOMAIN_AS_TYPED.test(typed) ? domainToASCII(typed).toLowerCase() : '';
  if (!isDomain(domain)) throw invalid('must end in a domain name like example.com');
  const email = `${local}@${domain}`;
  if (email.length > 254) throw invalid('must have at most 254 characters');
  return email as Email;
};

const isDomain = (domain: string): boolean => {
  const labels = domain.split('.');
  if (labels.length < 2 || domain.length > 253 || !labels.every((label) => LABEL.test(label))) return false;
  if (!/[a-z]/.test(labels.at(-1) ?? '')) return false;
  if (!domain.includes('xn--')) return true;
  // An xn-- label that does not decode, or not to what it would be made from, names nothing.
  const unicode = domainToUnicode(domain);
  return DOMAIN_AS_TYPED.test(unicode) && !/(?:^|\.)xn--/.test(unicode) && domainToASCII(unicode) === domain;
};

/** What makes two addresses the same one: compatibility form, lower case. Dots and plus signs count. */
export const emailKey = (email: Email): string => email.normalize('NFKC').toLowerCase();
