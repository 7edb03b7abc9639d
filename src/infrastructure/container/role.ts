import { type Config, InvalidConfig } from './config.ts';

/** What one process does. `npm start` does all of it; the others are for many processes on one PostgreSQL. */
export type Role = { name: RoleName; api: boolean; tasks: boolean; outbox: boolean };

const names = ['all', 'api', 'worker:tasks', 'worker:outbox'] as const;
type RoleName = (typeof names)[number];

/** @throws InvalidConfig where there is no such role, or the configuration cannot serve it */
export const roleNamed = (given: string | undefined, { DATABASE_URL, NATS_URL }: Pick<Config, 'DATABASE_URL' | 'NATS_URL'>): Role => {
  const name = names.find((one) => one === (given ?? 'all'));
  if (name === undefined) throw new InvalidConfig([`there is no role ${given}; leave it out or give one of ${names.slice(1).join(', ')}`]);
  const alone = name !== 'all';
  if (alone && DATABASE_URL.kind === 'pglite') {
    throw new InvalidConfig([
      `${name} needs PostgreSQL in DATABASE_URL: the embedded database belongs to one process, which npm start runs`,
    ]);
  }
  if (name === 'worker:outbox' && NATS_URL === null) throw new InvalidConfig([`${name} needs NATS_URL, where it publishes to`]);
  return {
    name,
    api: !alone || name === 'api',
    tasks: !alone || name === 'worker:tasks',
    outbox: NATS_URL !== null && name !== 'api' && name !== 'worker:tasks',
  };
};
