import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import { Problem } from '../../../domain/problem.ts';
import { invalidUserId } from './user-id.ts';

/** What Node takes for an expectation that it can meet. */
const CONTINUE = /(?:^|\W)100-continue(?:$|\W)/i;
/** A target in full, as for a proxy (RFC 9112, 3.2.2): authority, then path and query. */
const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i;
/** A name, or an IPv6 address in brackets; and a port. No user (RFC 9110, 4.2.4). */
const AUTHORITY = /^(?:([\w.~-]{1,255})|\[([\da-f:.]+)\])(?::(\d{0,5}))?$/i;
/** Letters, digits, - . _ ~ mean the same bare (RFC 3986, 2.3). Encoded, they lead around a gateway that compares paths. */
const ENCODED_UNRESERVED = /%(?:2[DE]|3\d|[46][1-9A-F]|[57][\dA]|5F|7E)/i;

type Target = { authority: string | null; path: string };

/** What a request asks for, however it names it; null for what no client of an origin server sends. */
const targetOf = (url: string): Target | null => {
  if (url.startsWith('/') || url === '*') return { authority: null, path: url };
  const [, authority, path = ''] = ABSOLUTE.exec(url) ?? [];
  return authority === undefined ? null : { authority, path: path.startsWith('/') ? path : `/${path}` };
};

/** What the router is given: path and query. What it refuses passes no hook, so it is given no path that it cannot decode. */
export const routedUrl = ({ url = '' }: { url?: string | undefined }): string => {
  const path = targetOf(url)?.path ?? '/';
  return decodable(pathOf(path)) ? path : '/';
};

/** The host of an authority without its port, in lower case; null where it is none (RFC 3986, 3.2). */
const hostOf = (authority: string): string | null => {
  const [, name, address, port = ''] = AUTHORITY.exec(authority) ?? [];
  if (Number(port) > 65_535) return null;
  if (address !== undefined) return isIPv6(address) ? `[${address.toLowerCase()}]` : null;
  return name?.toLowerCase() ?? null;
};

/** The hosts that a request names: in its Host, and in its target where that is in full. */
export const hostsOf = ({ headers: { host } }: IncomingMessage, url: string): (string | null)[] =>
  [host, targetOf(url)?.authority].filter((authority) => typeof authority === 'string').map(hostOf);

/** Whether where the request ends is a matter of opinion: after the answer the connection is of no more use. */
export const isMisframed = ({ headers, httpVersion }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined && (headers['transfer-encoding'].toLowerCase() !== 'chunked' || httpVersion === '1.0');

/** Whether HTTP is to be left with what looks like a body and would be taken for frames. Upgrades to what is not spoken here are ignored. */
const upgradesWithBody = ({ headers }: IncomingMessage): boolean =>
  /(?:^|[\s,])websocket(?:$|[\s,/])/i.test(headers.upgrade ?? '') &&
  (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0);

/** Why a request cannot be taken for what it says, whatever its route. */
export const unreadable = (request: IncomingMessage, url: string): Problem | undefined => {
  const refused = (detail: string) => new Problem('malformed-request', { detail });
  const { expect } = request.headers;
  if (isMisframed(request)) {
    if (request.httpVersion !== '1.0') return new Problem('unsupported-transfer-coding');
    return refused('HTTP/1.0 has no Transfer-Encoding');
  }
  if (upgradesWithBody(request)) return refused('an upgrade has no body');
  if (!hasOneHost(request)) return refused('exactly one Host header is required');
  const target = targetOf(url);
  if (target === null || url.includes('#')) return refused('the target must be a path and perhaps a query');
  if (hostsOf(request, url).includes(null)) return refused('the host must be a name or an IP address, and perhaps a port');
  if (expect !== undefined && request.httpVersion === '1.1' && !CONTINUE.test(expect)) return new Problem('expectation-failed');
  const path = pathOf(target.path);
  if (!decodable(path)) return /^\/api\/users\/(?!tasks\/)/.test(path) ? invalidUserId() : new Problem('malformed-request');
  if (!decodable(target.path)) return new Problem('malformed-request');
  if (ENCODED_UNRESERVED.test(path)) return refused('letters, digits, - . _ and ~ stand in a path as they are, not percent-encoded');
  return undefined;
};

const pathOf = (url: string): string => url.split('?', 1)[0] ?? '';

const decodable = (text: string): boolean => {
  if (!text.includes('%')) return true;
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
};

/** Node keeps the first of two Host headers, a proxy perhaps the last: whoever sends two wants one to pass as the other. */
const hasOneHost = ({ rawHeaders, httpVersion }: IncomingMessage): boolean => {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts === 1 || (hosts === 0 && httpVersion === '1.0');
};
