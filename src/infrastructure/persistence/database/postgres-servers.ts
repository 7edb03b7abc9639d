import { UnusableDatabase } from './database.ts';
import type { PostgresAddress, PostgresHost } from './postgres-address.ts';
import type { Server } from './postgres-session.ts';

/** A host, and which of the forms that sslmode allows it took last. */
export type Place = { host: PostgresHost; form: number };

/** `name:port` of a host, for people. */
export const nameOf = ({ name, port }: PostgresHost): string => `${name ?? 'localhost'}:${port}`;

/**
 * What one process knows of the servers behind an address, for all its pools: which host comes first, and which server the
 * newest session began on. `say` tells people what they should know.
 */
export const postgresServers = ({ hosts }: PostgresAddress, say: (line: string) => void) => {
  const places: Place[] = hosts.map((host) => ({ host, form: 0 }));
  const listeners: (() => void)[] = [];
  let first = 0;
  let current: Server | null = null;
  /** The highest timeline seen of each cluster: every promotion begins another one. */
  const timelines = new Map<string, number>();

  const isOld = ({ cluster, timeline }: Server): boolean => timeline !== null && timeline < (timelines.get(cluster) ?? 0);

  /** Remembers the timeline of a primary. @throws UnusableDatabase where another one has replaced it */
  const see = (server: Server, { host }: Place): void => {
    const { cluster, timeline } = server;
    if (isOld(server)) {
      throw new UnusableDatabase(
        `the database server at ${nameOf(host)} is an old primary, on timeline ${timeline} where this process has seen ${timelines.get(cluster)}, ` +
          'and lacks what came after',
        'stop it and make it a standby (pg_rewind), or let the address lead to the new primary; if it is the one that is meant, ' +
          'restored from a snapshot, restart every process of the service',
      );
    }
    if (cluster !== '' && timeline !== null) timelines.set(cluster, timeline);
  };

  /** A session begins on this server. @throws UnusableDatabase where it is an old primary */
  const begin = (server: Server, place: Place): void => {
    see(server, place);
    const before = current;
    current = server;
    if (server.standby !== (before?.standby ?? false)) {
      say(
        `the database server at ${nameOf(place.host)} is a ` +
          (server.standby
            ? 'standby: what is read there may be old, and changes are refused with 503 store-read-only; promote it, or name the ' +
              'primary in DATABASE_URL (with target_session_attrs=read-write no standby is used)'
            : 'primary: changes are taken again'),
      );
    }
    if (before !== null && before.name !== server.name) for (const listener of listeners) listener();
  };

  /** No session began there, so the next host comes first, unless another session has found one meanwhile. */
  const passOver = (place: Place): void => {
    if (places[first] === place) first = (first + 1) % places.length;
  };

  return {
    /** The host that comes next: the one that worked last, unless it was found to work no more. */
    place: (): Place => places[first] as Place,
    passOver,
    begin,

    /** Whether a session that began on this server may go on: all of a process are on the same one, and that is no old primary. */
    isCurrent: (server: Server): boolean => server.name === current?.name && !isOld(server),

    /** For a look at each host: another server at the host in use is gone over to, of the others only the timeline counts. */
    each: () =>
      places.map((place) => ({
        place: () => place,
        passOver: () => {},
        begin: (server: Server): void => (places[first] === place ? begin : see)(server, place),
        isCurrent: () => true,
      })),

    name: (): string => current?.name ?? '',
    onOther: (listener: () => void): void => void listeners.push(listener),
  };
};

export type PostgresServers = ReturnType<typeof postgresServers>;
