import { type OutageLog, outage, type Reason } from '../../concurrency/outage.ts';
import { explain } from '../../explain.ts';
import type { Place } from '../../place.ts';
import { type Database, StoreFailure, UnusableDatabase } from './database.ts';

/** A statement failed although the server answers: that no connection is to be had, or that one was cut. */
class Unanswered extends Error {}

const reasonOf =
  (place: Place) =>
  (error: unknown): Reason => {
    const reason = explain(error instanceof Unanswered ? error.cause : error, place);
    return { ...reason, unsure: error instanceof Unanswered || reason.unsure === true };
  };

/** Whether the database did not answer, of which `toldDatabase` tells. */
const isUnanswered = (error: unknown): boolean =>
  error instanceof UnusableDatabase ||
  (error instanceof StoreFailure && (error.kind === 'unsent' || error.kind === 'unknown')) ||
  (error instanceof Error && error.cause !== undefined && isUnanswered(error.cause));

/** A server, or a session, that may read only: whatever changes anything meets it. */
const READ_ONLY = '25006';

/**
 * Whether the log is told of it where all meet it: that the database does not answer, here, and that it takes no changes, by
 * `storeWrites`. Background work that meets it tells nothing.
 */
export const isTold = (error: unknown): boolean =>
  isUnanswered(error) ||
  (error instanceof StoreFailure && error.sqlstate === READ_ONLY) ||
  (error instanceof Error && error.cause !== undefined && isTold(error.cause));

/**
 * The same database, whose outages the log tells of once, whoever meets them: requests, background work, the start, health.
 * What fails a statement makes the process ask whether the server answers; that answer decides.
 */
export const toldDatabase = (database: Database, log: OutageLog): Database => {
  const thing = database.exclusive ? 'the embedded database' : 'PostgreSQL';
  const away = outage({ log, thing, fails: 'cannot be reached', works: 'is back', reasonOf: reasonOf(database.place) });
  let answers = true;

  const ping = async (): Promise<boolean> => {
    let ours: boolean;
    try {
      ours = await database.ping();
    } catch (error) {
      answers = false;
      away.report(error);
      throw error;
    }
    // Whether a server that answers gives connections to statements, only these say.
    if (!answers) away.over();
    answers = true;
    return ours;
  };

  const told = async <T>(work: Promise<T>): Promise<T> => {
    try {
      const answer = await work;
      if (away.reason() !== null) void ping().then(away.over, () => {});
      return answer;
    } catch (error) {
      if (error instanceof UnusableDatabase) away.report(error);
      else if (isUnanswered(error))
        void ping().then(
          () => away.report(new Unanswered('', { cause: error })),
          () => {},
        );
      throw error;
    }
  };

  return {
    ...database,
    query: (sql, values) => told(database.query(sql, values)),
    check: () => told(database.check()),
    ping,
    close: async () => {
      await database.close();
      away.forget();
    },
  };
};
