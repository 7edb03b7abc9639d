import type { Command } from './context.ts';

export type Entry = {
  /**
   * Where it runs: with files of this machine; with the database, if need be inside the service that has it open; with nobody
   * else on an embedded database.
   */
  runs: 'here' | 'on the database' | 'alone on the database';
  load: () => Promise<Command>;
  /** The same over HTTP, where HTTP offers it. */
  loadForUrl?: () => Promise<Command>;
};

/** Each command is loaded when it is called, so that --help costs nothing. */
export const commands = {
  config: { runs: 'here', load: async () => (await import('./config.ts')).config },
  migrate: { runs: 'alone on the database', load: async () => (await import('./migrate.ts')).migrate },
  'migrate status': { runs: 'on the database', load: async () => (await import('./migrate.ts')).migrate },
  doctor: { runs: 'here', load: async () => (await import('./doctor.ts')).doctor },
  demo: { runs: 'on the database', load: async () => (await import('./demo.ts')).demo },
  reset: { runs: 'here', load: async () => (await import('./reset.ts')).reset },
  verify: { runs: 'on the database', load: async () => (await import('./verify.ts')).verify },
  rebuild: { runs: 'on the database', load: async () => (await import('./rebuild.ts')).rebuild },
  events: {
    runs: 'on the database',
    load: async () => (await import('./events.ts')).events,
    loadForUrl: async () => (await import('./over-http/events.ts')).events,
  },
  'users get': {
    runs: 'on the database',
    load: async () => (await import('./users.ts')).get,
    loadForUrl: async () => (await import('./over-http/users.ts')).get,
  },
  'users list': {
    runs: 'on the database',
    load: async () => (await import('./users.ts')).list,
    loadForUrl: async () => (await import('./over-http/users.ts')).list,
  },
} satisfies Record<string, Entry>;

export type CommandName = keyof typeof commands;

export const isCommandName = (name: unknown): name is CommandName => typeof name === 'string' && Object.hasOwn(commands, name);
