import { BlockList, isIP, isIPv6 } from 'node:net';
import { hostName, Mistake } from '../address.ts';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether only this machine reaches what listens there. */
export const isLoopback = (host: string): boolean => {
  if (host.toLowerCase() === 'localhost') return true;
  return isIP(host) !== 0 && loopback.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');
};

/** As the header Host has it, without a port. */
const asHeader = (host: string): string => (isIPv6(host) ? `[${host}]` : host).toLowerCase();

/** A list of names and addresses, separated by commas, as the header Host has them. */
export const hosts = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      if (!/^[\w.-]+$/.test(part) && !isIPv6(part.replace(/^\[(.*)\]$/, '$1'))) {
        throw new Mistake('must list host names or addresses without ports, as users.localhost, separated by commas');
      }
      return asHeader(hostName(part));
    });

type Settings = { AUTH_MODE: string; HOST: string; ALLOWED_HOSTS: readonly string[] };

/** The hosts that requests may name; null where a gateway checks who calls, and knows by what names. */
export const knownHosts = ({ AUTH_MODE, HOST, ALLOWED_HOSTS }: Settings): string[] | null =>
  AUTH_MODE === 'off' ? ['localhost', '127.0.0.1', '[::1]', asHeader(HOST), ...ALLOWED_HOSTS] : null;
