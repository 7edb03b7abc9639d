import type { IncomingMessage } from 'node:http';

/** Which requests leave HTTP. Any other Upgrade header, h2c for one, is ignored and the request answered as it is. */
export const isLiveFeedUpgrade = ({ method, url = '', headers }: IncomingMessage): boolean =>
  method === 'GET' && /^\/ws\/?(?:\?|$)/.test(url) && headers.upgrade?.toLowerCase() === 'websocket';
