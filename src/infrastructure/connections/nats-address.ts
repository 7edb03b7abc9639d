import { Mistake, parseAddress } from '../address.ts';

export type NatsAddress = {
  /** Each as host:port. */
  servers: string[];
  user: string | null;
  password: string | null;
  tls: boolean;
};

const PORT = 4222;

/** Reads one URL or several, separated by commas, of servers of one cluster: `nats://a:4222,nats://b:4222` or `nats://a:4222,b:4222`. @throws Mistake */
export const natsAddress = (text: string): NatsAddress => {
  const parts = text.split(/\s*,\s*(?=[a-z]+:\/\/)/);
  const urls = parts.map((part) => {
    if (!/^(?:nats|tls):\/\//.test(part)) throw new Mistake('names a server by another scheme than nats:// and tls://');
    const { path, parameters, ...address } = parseAddress(part);
    if (path !== '') throw new Mistake('has a path, and none is known here');
    parameters.refuseOthers();
    return address;
  });
  const servers = urls
    .flatMap(({ hosts }) => hosts)
    .map(({ name, port }) => {
      if (name === '' || name.startsWith('/')) throw new Mistake('names a server without a host');
      return `${name.includes(':') ? `[${name}]` : name}:${port ?? PORT}`;
    });
  const [{ user = null, password = null } = {}, ...others] = urls.filter((url) => url.user !== null);
  if (others.some((other) => other.user !== user || other.password !== password)) {
    throw new Mistake('names several users, and all its servers must take the same');
  }
  return { servers, user, password, tls: parts.some((part) => part.startsWith('tls:')) };
};
