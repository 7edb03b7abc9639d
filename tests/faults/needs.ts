import { findNats, findPostgres, findRedis } from '../fixtures/own-servers.ts';

const found = { PostgreSQL: findPostgres(), Redis: findRedis(), 'nats-server': findNats() };
const needs = (...names: (keyof typeof found)[]) => {
  const missing = names.filter((name) => found[name] === undefined);
  return [missing.length === 0, missing.length === 0 ? '' : ` [needs ${missing.join(', ')}: install it]`] as const;
};

/** Fault tests break their servers, so they start servers of their own. */
export const [hasPostgres, needsPostgres] = needs('PostgreSQL');
export const [hasRedis, needsRedis] = needs('PostgreSQL', 'Redis');
export const [hasNats, needsNats] = needs('PostgreSQL', 'nats-server');
export const [hasServers, needsServers] = needs('PostgreSQL', 'Redis', 'nats-server');
