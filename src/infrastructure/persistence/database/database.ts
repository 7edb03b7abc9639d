import { OwnError } from '../../../domain/own-error.ts';
import type { Place } from '../../place.ts';

/** The little that the store needs of a database: the same SQL on PGlite and on PostgreSQL. bigint comes back as a number. */
export interface Database {
  /** Whether the service can work on it at all. @throws UnusableDatabase, StoreFailure */
  check(): Promise<void>;
  /** Runs one statement in a transaction of its own. @throws StoreFailure */
  query<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Whether the database answers, asked on a connection of its own and decided within two seconds. @throws where it does not */
  ping(): Promise<boolean>;
  /** Brings the schema up or down, or says where it stands. Safe when many processes do it at once. */
  migrate(direction: 'up' | 'down' | 'status'): Promise<MigrationStep[]>;
  /** How many connections are open, of these idle, and how many statements wait for one; null where there are none. */
  connections(): { open: number; idle: number; waiting: number } | null;
  /** Names the server that the newest session began on, the same in every process; another one after a restart or a promotion. Empty where there is only one. */
  server(): string;
  /** Calls the listener before the first statement runs on another server than the one before. */
  onOtherServer(listener: () => void): void;
  /** Whoever waits for this data may know that it is let go of soon. */
  beginStop(): void;
  close(): Promise<void>;
  /** For people: where the data is, without credentials. */
  readonly location: string;
  /** The same for who tells what is wrong with it. */
  readonly place: Place;
  /** True where no other process can have this data open. */
  readonly exclusive: boolean;
}

/** `unknown`: applied, and by a later release than this one. */
export type MigrationStep = { name: string; state: 'applied' | 'pending' | 'reverted' | 'unknown' };

/**
 * What a failed statement means for the one who sent it.
 * - unsent: it did not reach the server; nothing was changed
 * - unknown: the connection went away meanwhile; it may still commit
 * - rolled-back: the server gave it up for a reason that passes (deadlock, timeout, shutdown before it began)
 * - refused: the server refuses this statement, and will again
 */
export type FailureKind = 'unsent' | 'unknown' | 'rolled-back' | 'refused';

/** A failed statement. Its message never holds values: `detail` of a PostgreSQL error may, so it is left behind. */
export class StoreFailure extends Error {
  readonly kind: FailureKind;
  readonly sqlstate: string | undefined;
  readonly constraint: string | undefined;
  /** What it means and what to do, where no code says it. */
  readonly words: readonly [means: string, next: string] | null;

  constructor(kind: FailureKind, sqlstate?: string, constraint?: string, words: StoreFailure['words'] = null) {
    super(`${kind}${sqlstate ? ` (${sqlstate})` : ''}`);
    this.name = 'StoreFailure';
    this.kind = kind;
    this.sqlstate = sqlstate;
    this.constraint = constraint;
    this.words = words;
  }
}

/** The database, or the way to it, is not one that the service can work on: why, and what to do. */
export class UnusableDatabase extends OwnError {
  readonly means: string;
  readonly next: string;
  /** Whether nothing helps but another database. */
  readonly lasting: boolean;

  constructor(means: string, next: string, lasting = false) {
    super(`${means}; ${next}`);
    this.name = 'UnusableDatabase';
    this.means = means;
    this.next = next;
    this.lasting = lasting;
  }
}

type ServerError = { code?: string; constraint?: string; severity?: string };

/** A server or a role that may read only, a file system that may (both 42501), no room, no transaction numbers left (54000). */
const READ_ONLY = /^(?:25006|42501|53100|54000)$/;
/** Lock timeout, cancelled (statement timeout), deadlock, serialization. */
const BUSY = /^(?:55P03|57014|40)/;
// What the server did not carry out for want of something, or because of its disk: all rolled back.
// A prepared statement that is gone, or is there already: a pooler has exchanged the session, and nothing was carried out.
// Tables or functions that are gone: of a step back of the schema under a running process, or another database at the address.
const PASSING = /^(?:25006|42501|40|53|55P03|57|58|26000|42P05|42P01|42883|3F000)/;
const AWAY = /^(?:08|57P0)/;
const SQLSTATE = /^[0-9A-Z]{5}$/;

/** Classifies what a driver threw after the statement was handed to the server. */
export const failureOf = (error: unknown): StoreFailure => {
  const { code, constraint, severity } = error as ServerError;
  if (code === undefined || severity === undefined || !SQLSTATE.test(code)) return new StoreFailure('unknown', code);
  if (AWAY.test(code)) return new StoreFailure('unknown', code);
  return new StoreFailure(PASSING.test(code) ? 'rolled-back' : 'refused', code, constraint);
};

/** What a failure that passes says of the store. */
export const ailmentOf = ({ kind, sqlstate = '' }: StoreFailure): 'read-only' | 'busy' | 'unavailable' => {
  if (kind !== 'rolled-back') return 'unavailable';
  if (READ_ONLY.test(sqlstate)) return 'read-only';
  return BUSY.test(sqlstate) ? 'busy' : 'unavailable';
};
