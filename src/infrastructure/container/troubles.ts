import { OwnError } from '../../domain/own-error.ts';
import { catalogue, Problem } from '../../domain/problem.ts';
import { type Outage, type OutageLog, outage, type Reason } from '../concurrency/outage.ts';
import { explain, isKnown } from '../explain.ts';
import { StoreFailure, UnusableDatabase } from '../persistence/database/database.ts';
import { isTold } from '../persistence/database/told-database.ts';
import type { Place } from '../place.ts';

/** What an operator has to mend before the service can serve; the message says what. */
export class NotReady extends OwnError {}

/** Longer than the pause of anything that is tried again. */
const QUIET_MS = 90_000;
const UNSERVED_QUIET_MS = 10_000;
/** Refusals that say what the database, the start or the stop tell by themselves. */
const TOLD: ReadonlySet<string> = new Set(['store-unavailable', 'store-read-only', 'outcome-unknown', 'starting', 'shutting-down']);

type Words = { fails?: string; works?: string; server?: Place | null | undefined };
type Trouble = Pick<Outage, 'report' | 'over' | 'reason'>;

/** What goes wrong again and again beside the servers, each a thing of its own. What the database does not answer, or not take, is told where it is asked. */
export const troubles = (log: OutageLog, database: Place) => {
  const all: Outage[] = [];
  const made = (options: Omit<Parameters<typeof outage>[0], 'log'>): Outage => {
    const trouble = outage({ log, ...options });
    all.push(trouble);
    return trouble;
  };
  const unserved = made({
    ...{ thing: 'requests', fails: 'cannot be served', works: 'are served again' },
    reasonOf: reasonOfRefusal(database),
    quietMs: UNSERVED_QUIET_MS,
  });

  return {
    /** The database takes no changes. */
    takesNoChanges: made({ thing: 'the database', fails: 'takes no changes', works: 'takes changes again', reasonOf: reasonOf(database) }),

    /** `server`: what is asked beside the database. */
    troubleWith(thing: string, { fails = 'fails and is tried again', works = 'goes on', server }: Words = {}): Trouble {
      const trouble = made({ thing, fails, works, reasonOf: reasonOf(database, server), quietMs: QUIET_MS });
      return { ...trouble, report: (error) => isTold(error) || trouble.report(error) };
    },

    /** A request was answered with 503. */
    unserved: (problem: Problem): void => {
      if (!TOLD.has(problem.code)) unserved.report(problem);
    },

    forget: (): void => {
      for (const trouble of all) trouble.forget();
    },
  };
};

const reasonOf =
  (database: Place, server: Place | null = null) =>
  (error: unknown): Reason => {
    if (error instanceof StoreFailure || error instanceof UnusableDatabase) return explain(error, database);
    if (error instanceof OwnError) return { text: error.message };
    if (error instanceof Problem) return reasonOfRefusal(database)(error);
    const reason = server && explain(error, server);
    if (server && reason && isKnown(reason, server)) return reason;
    // What nobody foresaw is a bug: a developer wants to see where.
    const { name, code = name } = (error ?? {}) as Error & { code?: string };
    return { code: String(code), text: String(code), unsure: reason?.unsure === true || name === 'Error', err: error };
  };

const reasonOfRefusal =
  (database: Place) =>
  (error: unknown): Reason => {
    const { code, cause } = error as Problem;
    const why = cause instanceof StoreFailure ? `, because ${explain(cause, database).text}` : '';
    return { code, text: `${catalogue[code].title}${why}`, next: `docs/problems.md says more of ${code}` };
  };
