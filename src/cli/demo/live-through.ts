import { Problem } from '../../domain/problem.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';
import { loneApplication } from '../../infrastructure/container/lone-application.ts';
import type { Database } from '../../infrastructure/persistence/database/database.ts';
import type { EventStore } from '../../infrastructure/persistence/event-store/event-store.ts';
import type { Step } from './histories.ts';

/** As many as one append takes. */
const AT_ONCE = 128;
const LEASE_SECONDS = 15;
/** A task that is left stays under way for so long, unless the embedded service starts anew. */
const LEFT_SECONDS = 3_600;

/**
 * Runs the steps by the same commands as requests, each at its own time. Those that do not concern each other are appended
 * together, so that times follow positions, as the list by `created_after` relies on.
 */
export const liveThrough = async (
  database: Database,
  store: EventStore,
  steps: readonly Step[],
  { signal, done }: { signal: AbortSignal; done: (steps: number) => void },
): Promise<void> => {
  let now = new Date(0);
  const { service, tasks, runTask, unitOfWork } = loneApplication(database, store, { now: () => now });

  const perform = ({ at, user_id, command, input, task }: Step): Promise<unknown> => {
    now = at;
    const request = { command, user_id, input, actor: 'operator', correlation_id: null };
    if (task === undefined) return service.execute(request);
    // A worker of a running service may be so fast that the address is taken before the second one asks for it.
    return service
      .accept(request)
      .catch((error) => (error instanceof Problem && error.code === 'email-taken' ? null : Promise.reject(error)));
  };

  const work = async (group: readonly Step[]): Promise<void> => {
    const usersOf = (kind: Step['task']): UserId[] => group.flatMap(({ user_id, task }) => (task === kind ? [user_id] : []));
    const [run, left] = [usersOf('run'), usersOf('left')];
    if (left.length > 0) await tasks.claim('demo', left.length, LEFT_SECONDS, { users: left });
    if (run.length === 0) return;
    await Promise.all((await tasks.claim('demo', run.length, LEASE_SECONDS, { users: run })).map(runTask));
  };

  let count = 0;
  try {
    for (const group of independent(steps)) {
      signal.throwIfAborted();
      await Promise.all(group.map(perform));
      await work(group);
      count += group.length;
      done(count);
    }
  } finally {
    await unitOfWork.close();
  }
};

/** Groups in which nobody is changed twice, or changed and looked at, in the order of the steps. */
export function* independent(steps: readonly Step[]): Generator<Step[], void> {
  let group: Step[] = [];
  const changed = new Set<UserId>();
  const viewed = new Set<UserId>();
  for (const step of steps) {
    const { user_id, command } = step;
    const isView = command === 'record_profile_view';
    if (group.length === AT_ONCE || changed.has(user_id) || (!isView && viewed.has(user_id))) {
      yield group;
      group = [];
      changed.clear();
      viewed.clear();
    }
    group.push(step);
    (isView ? viewed : changed).add(user_id);
  }
  yield group;
}
