import { findPostgres } from '../fixtures/servers.ts';

/** Fault tests break their servers, so they start servers of their own. */
export const hasPostgres = findPostgres() !== undefined;
export const needsPostgres = hasPostgres ? '' : ' [needs PostgreSQL: install it]';
