import { OwnError } from '../../domain/own-error.ts';
import { catalogue, Problem } from '../../domain/problem.ts';
import { type Outage, type OutageLog, outage, type Reason } from '../concurrency/outage.ts';
import { natsReason } from '../connections/nats.ts';
import { NATS, NETWORK } from '../failure-meanings.ts';
import { StoreFailure } from '../persistence/database/database.ts';
import { reasonInWords } from '../persistence/database/failure-reason.ts';
import { isTold } from '../persistence/database/told-database.ts';

/** What an operator has to mend before the service can serve; the message says what. */
export class NotReady extends OwnError {}

/** Longer than the pause of anything that is tried again. */
const QUIET_MS = 90_000;
const UNSERVED_QUIET_MS = 10_000;
/** Refusals that say what the database, the start or the stop tell by themselves. */
const TOLD: ReadonlySet<string> = new Set(['store-unavailable', 'store-read-only', 'outcome-unknown', 'starting', 'shutting-down']);

/** What goes wrong again and again beside the servers, each a thing of its own. What the database does not answer, or not take, is told where it is asked. */
export const troubles = (log: OutageLog) => {
  const all: Outage[] = [];
  const made = (options: Omit<Parameters<typeof outage>[0], 'log'>): Outage => {
    const trouble = outage({ log, ...options });
    all.push(trouble);
    return trouble;
  };
  const unserved = made({
    ...{ thing: 'requests', fails: 'cannot be served', works: 'are served again' },
    reasonOf: reasonOfRefusal,
    quietMs: UNSERVED_QUIET_MS,
  });

  return {
    /** The database takes no changes. */
    takesNoChanges: made({ thing: 'the database', fails: 'takes no changes', works: 'takes changes again', reasonOf }),

    troubleWith(thing: string, fails = 'fails and is tried again', works = 'goes on'): Pick<Outage, 'report' | 'over'> {
      const { report, over } = made({ thing, fails, works, reasonOf, quietMs: QUIET_MS });
      return { report: (error) => isTold(error) || report(error), over };
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

/** What nobody foresaw is a bug: a developer wants to see where. */
const reasonOf = (error: unknown): Reason => {
  if (error instanceof OwnError && !(error instanceof StoreFailure)) return { text: error.message };
  if (error instanceof StoreFailure) return reasonInWords(error);
  if (error instanceof Problem) return reasonOfRefusal(error);
  const reason = natsReason(error);
  const { code, unsure = false } = reason;
  return code in NATS || code in NETWORK ? reason : { code, text: code, unsure, err: error };
};

const reasonOfRefusal = (error: unknown): Reason => {
  const { code, cause } = error as Problem;
  const why = cause instanceof StoreFailure ? `, because ${reasonInWords(cause).text}` : '';
  return { code, text: `${catalogue[code].title}${why}`, next: `docs/problems.md says more of ${code}` };
};
