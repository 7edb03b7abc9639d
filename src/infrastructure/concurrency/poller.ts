import type { Outage } from './outage.ts';

/**
 * Calls `work` again and again: at once while it says there is more, else after `pollMs` or when woken. Errors are
 * reported and end the round, not the poller; a call that succeeds ends the trouble.
 */
export class Poller {
  readonly #work: () => Promise<boolean>;
  readonly #pollMs: number;
  readonly #away: Pick<Outage, 'report' | 'over'>;
  #timer: NodeJS.Timeout | null = null;
  #round: Promise<void> | null = null;
  #woken = false;
  #stopped = true;

  constructor(work: () => Promise<boolean>, pollMs: number, away: Pick<Outage, 'report' | 'over'>) {
    this.#work = work;
    this.#pollMs = pollMs;
    this.#away = away;
  }

  start(): void {
    this.#stopped = false;
    this.wake();
  }

  wake = (): void => {
    if (this.#stopped) return;
    this.#woken = true;
    this.#round ??= this.#run().finally(() => {
      this.#round = null;
      if (!this.#stopped) this.#timer = setTimeout(this.wake, this.#pollMs).unref();
    });
  };

  /** Begins no new round and waits for the one under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#round;
  }

  async #run(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    try {
      while (this.#woken && !this.#stopped) {
        this.#woken = false;
        if (await this.#work()) this.#woken = true;
        this.#away.over();
      }
    } catch (error) {
      this.#away.report(error);
    }
  }
}
