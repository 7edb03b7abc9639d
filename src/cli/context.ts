import type { Database } from '../infrastructure/persistence/database/database.ts';
import type { EventStore } from '../infrastructure/persistence/event-store/event-store.ts';

/**
 * All that a command has of the world, so that it runs the same in a process of its own and inside the service that has the
 * embedded database open. A command that only works on files of this machine uses `env` and the file system beside it.
 */
export type CliContext = {
  /** A line on standard output. Signs that would move the cursor are the caller's to leave out; `writeRecords` does. */
  write(line: string): void;
  /** Records as a table on a terminal, as JSON lines elsewhere and with --json. `columns` names what a person wants to see. */
  writeRecords<R extends object>(records: readonly R[], columns: readonly (keyof R & string)[]): void;
  /** A line on standard error. */
  error(line: string): void;
  /** On a terminal, one line that the next one is written over; elsewhere nothing. */
  progress(line: string): void;
  /** Comes back when whoever reads has taken in most of what was written: to be awaited once a page of a long output. */
  drained(): Promise<void>;
  /** Colours where they are wanted. */
  readonly paint: { dim(text: string): string; good(text: string): string; bad(text: string): string };
  /** A person looks on: tables and sentences. False in a pipe, and with --json. */
  readonly terminal: boolean;
  /** Width of the terminal in columns; 80 where there is none. */
  readonly columns: number;
  /** --json was said: sentences are JSON lines too. */
  readonly json: boolean;
  /** Aborted by Ctrl-C, and where whoever reads is gone. */
  readonly signal: AbortSignal;
  /** The exit code will be 1, without a line of its own. A command that cannot go on throws instead. */
  fail(): void;
  /** Lends the database that the configuration names; `as` the service, or as the owner of its tables. */
  withStore<T>(work: (store: EventStore, database: Database) => Promise<T>, as?: 'service' | 'owner'): Promise<T>;
  /** The variables in force, those of .env included. */
  readonly env: NodeJS.ProcessEnv;
};

/** What each command is. Options have the names that the command line gives them, in camel case; arguments are among them. */
export type Command<Options = never> = (context: CliContext, options: Options) => Promise<void>;
