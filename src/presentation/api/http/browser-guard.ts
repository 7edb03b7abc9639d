import type { IncomingMessage } from 'node:http';
import { Problem } from '../../../domain/problem.ts';
import { hostsOf } from './request-form.ts';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/**
 * Where nobody checks callers, a page that the developer merely visits must not call through the browser: neither under a name
 * that its owner points at this machine (DNS rebinding), nor by a request whose answer it need not read.
 */
export const browserGuard =
  (knownHosts: readonly string[], allowedOrigins: readonly string[]) =>
  (request: IncomingMessage, url: string): Problem | undefined => {
    if (!hostsOf(request, url).every((host) => knownHosts.includes(host ?? ''))) return new Problem('host-not-allowed');
    const changes = !SAFE.has(request.method ?? '') || request.headers.upgrade !== undefined;
    return changes && isForeign(request, allowedOrigins) ? new Problem('origin-not-allowed') : undefined;
  };

/** Whether a page came from the service itself, as far as the scheme, which a proxy may change, does not tell. */
export const isOwnOrigin = (origin: string, host: string): boolean =>
  /^https?:\/\//.test(origin) && origin.replace(/^https?:\/\//, '') === host.toLowerCase();

/** Browsers send Origin with every change; Sec-Fetch-Site, which no page can set, is the second line. */
const isForeign = ({ headers: { origin, host = '', ...headers } }: IncomingMessage, allowedOrigins: readonly string[]): boolean => {
  const site = headers['sec-fetch-site'];
  if (origin !== undefined && allowedOrigins.includes(origin)) return false;
  if (origin !== undefined && !isOwnOrigin(origin, host)) return true;
  return site !== undefined && site !== 'same-origin' && site !== 'none';
};
