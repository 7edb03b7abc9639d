import { describe, expect, it } from 'vitest';
import { postgresAddress } from '../../src/infrastructure/persistence/database/postgres-address.ts';
import { postgresServers } from '../../src/infrastructure/persistence/database/postgres-servers.ts';
import type { Server } from '../../src/infrastructure/persistence/database/postgres-session.ts';

const first: Server = {
  ...{ name: 'first', cluster: '7', timeline: 1 },
  ...{ encoding: 'UTF8', version: 150_000, standby: false, readOnly: false, schema: 'public' },
};
const second: Server = { ...first, name: 'second', timeline: 2 };
const standby: Server = { ...first, name: 'second', timeline: null, standby: true };

/** A process with this address, what it was told and how often it heard of another server. */
const started = (url = 'postgresql://a,b/d') => {
  const said: string[] = [];
  const servers = postgresServers(postgresAddress(url), (line) => said.push(line));
  let others = 0;
  servers.onOther(() => others++);
  return { ...servers, said, others: () => others, begin: (server: Server) => servers.begin(server, servers.place()) };
};

describe('the servers behind an address', () => {
  it('are one and the same for all sessions: the newest counts, and the others end', () => {
    const { begin, isCurrent, name, others } = started();
    expect(name()).toBe('');
    begin(first);
    begin(first);
    expect({ name: name(), others: others() }).toEqual({ name: 'first', others: 0 });
    begin(second);
    expect({ name: name(), others: others() }).toEqual({ name: 'second', others: 1 });
    expect([first, second].map(isCurrent)).toEqual([false, true]);
  });

  it('do not go back to an old primary: it is refused in words, and what was current stays', () => {
    const { begin, name, others } = started();
    begin(second);
    expect(() => begin(first)).toThrow(/server at a:5432 is an old primary, on timeline 1 where this process has seen 2, .*pg_rewind/);
    expect({ name: name(), others: others() }).toEqual({ name: 'second', others: 0 });
  });

  it('are looked at one by one: a newer primary at another host retires the sessions on the old one, without a session of its own', () => {
    const { begin, each, isCurrent, name, others } = started();
    begin(first);
    const [, other] = each();
    other?.begin(standby);
    expect(isCurrent(first)).toBe(true);
    other?.begin(second);
    expect({ isCurrent: isCurrent(first), name: name(), others: others() }).toEqual({ isCurrent: false, name: 'first', others: 0 });
    expect(() => begin(first)).toThrow(/old primary/);
  });

  it('are looked at where sessions are: another server at that host is gone over to', () => {
    const { begin, each, isCurrent, others } = started();
    begin(first);
    each()[0]?.begin({ ...second, timeline: 1 });
    expect({ isCurrent: isCurrent(first), others: others() }).toEqual({ isCurrent: false, others: 1 });
  });

  it.each<[string, Partial<Server>]>([
    ['of another cluster, which has timelines of its own', { cluster: '8' }],
    ['that tells neither cluster nor timeline', { cluster: '', timeline: null }],
    ['that was started anew', { timeline: 2 }],
  ])('may be one %s: it is another one, and taken', (_, differing) => {
    const { begin, name, others } = started();
    begin(second);
    begin({ ...first, ...differing });
    expect({ name: name(), others: others() }).toEqual({ name: 'first', others: 1 });
  });

  it('say once that they are a standby, and once that it is over: promoted, the server is the same one', () => {
    const { begin, isCurrent, said, others } = started();
    begin(standby);
    begin(standby);
    expect(said).toEqual([expect.stringMatching(/^the database server at a:5432 is a standby: .* target_session_attrs=read-write/)]);
    begin(second);
    expect(said.slice(1)).toEqual([expect.stringMatching(/is a primary/)]);
    expect({ others: others(), goesOn: isCurrent(standby) }).toEqual({ others: 0, goesOn: true });
  });

  it('are tried from the one that worked last, and a host is passed over once, however many sessions find it gone', () => {
    const { place, passOver } = started('postgresql://a,b,c/d');
    const gone = place();
    passOver(gone);
    passOver(gone);
    expect(place().host.name).toBe('b');
    for (const name of ['c', 'a']) {
      passOver(place());
      expect(place().host.name).toBe(name);
    }
  });
});
