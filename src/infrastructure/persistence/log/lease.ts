import type { Database } from '../database/database.ts';

/**
 * The right to do what only one process may do, for `seconds` at a time. Who may is decided on the database's clock; the
 * holder trusts its own, counted from before it asked, so it never believes longer than the database does.
 */
export const lease = (database: Database, name: string, owner: string, { seconds }: { seconds: number }) => {
  let heldUntil = Number.NEGATIVE_INFINITY;

  return {
    held: (): boolean => performance.now() < heldUntil,

    /** Takes the lease where it is free or over, and prolongs one's own. @throws StoreFailure */
    async acquire(): Promise<boolean> {
      const asked = performance.now();
      const rows = await database.query(
        `insert into leases (name, owner, until) values ($1, $2, clock_timestamp() + make_interval(secs => $3))
         on conflict (name) do update set owner = excluded.owner, until = excluded.until
         where leases.owner = excluded.owner or leases.until < clock_timestamp()
         returning name`,
        [name, owner, seconds],
      );
      heldUntil = rows.length > 0 ? asked + seconds * 1_000 : Number.NEGATIVE_INFINITY;
      return rows.length > 0;
    },

    /** Lets another one have it at once. @throws StoreFailure */
    async release(): Promise<void> {
      heldUntil = Number.NEGATIVE_INFINITY;
      await database.query('delete from leases where name = $1 and owner = $2', [name, owner]);
    },
  };
};
