import { NATS, POSTGRESQL, REDIS } from './failure-meanings.ts';

/** How more texts begin with which drivers and servers say why there is no connection. In them nothing is a value; what comes after may be one. */
const OTHERS = [
  // PgBouncer.
  ...['unsupported startup parameter', 'bouncer config error', 'bouncer resources exhaustion'],
  ...['server login has been failing', 'pgbouncer cannot connect to server'],
  ...['server connection closed', 'server conn crashed', 'pooler is shut down', 'database removed'],
  // Redis.
  ...['ERR AUTH <password> called without any password configured', "ERR wrong number of arguments for 'auth' command"],
  // NATS.
  'User Authentication',
];

/** Which of these a text begins with, in whatever case, and whatever stands in its quotes. */
export const beginningOf = (beginnings: readonly string[], text: string): string | undefined => {
  const plain = text.replace(/"[^"]*"/g, '"…"').toLowerCase();
  return beginnings.find((beginning) => plain.startsWith(beginning.toLowerCase()));
};

const texts = [...[POSTGRESQL, REDIS, NATS].flatMap((meanings) => Object.keys(meanings)), ...OTHERS];

/** What is fixed of a text, and so no value. */
export const fixedText = (message: string): string | undefined => beginningOf(texts, message);
