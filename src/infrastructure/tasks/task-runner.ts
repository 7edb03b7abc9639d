import type { ClaimedTask, TaskRepository } from '../../domain/repositories/task-repository.ts';

const LEASE_SECONDS = 15;
const POLL_MS = 500;
const MAX_AT_ONCE = 64;
const SWEEP_EVERY_MS = 60_000;

type Ports = {
  tasks: TaskRepository;
  run: (task: ClaimedTask) => Promise<void>;
  owner: string;
  onError: (error: unknown) => void;
};

/**
 * Claims due tasks and runs them, at most one of each user at a time. Tasks found by polling survive anything; `wake`
 * only saves the wait. Whoever else runs a task too, its effect is written once: the append refuses an ended task.
 */
export class TaskRunner {
  readonly #ports: Ports;
  #timer: NodeJS.Timeout | null = null;
  #round: Promise<void> | null = null;
  #again = false;
  #stopped = true;
  #swept = 0;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  start(): void {
    this.#stopped = false;
    this.wake();
  }

  /** Looks for due tasks now. */
  wake = (): void => {
    if (this.#stopped) return;
    this.#again = true;
    this.#round ??= this.#work().finally(() => {
      this.#round = null;
      if (!this.#stopped) this.#timer = setTimeout(this.wake, POLL_MS).unref();
    });
  };

  /** Takes no more tasks and finishes those it has. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#round;
  }

  async #work(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    const { tasks, run, owner, onError } = this.#ports;
    try {
      await this.#sweepNowAndThen();
      while (this.#again && !this.#stopped) {
        this.#again = false;
        const claimed = await tasks.claim(owner, MAX_AT_ONCE, LEASE_SECONDS);
        await Promise.all(claimed.map((task) => run(task).catch(onError)));
        this.#again ||= claimed.length > 0;
      }
    } catch (error) {
      onError(error);
    }
  }

  async #sweepNowAndThen(): Promise<void> {
    if (performance.now() - this.#swept < SWEEP_EVERY_MS) return;
    this.#swept = performance.now();
    await this.#ports.tasks.sweep();
  }
}
