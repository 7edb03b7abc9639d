import type { ClaimedTask, Task, TaskRepository } from '../../../application/tasks/task.ts';
import { batchLoader } from '../../concurrency/batch-loader.ts';
import type { Database } from '../database/database.ts';
import { retriedRead } from '../database/retried-read.ts';
import { openPersonal } from '../event-store/personal-data.ts';

const PRUNED_AT_ONCE = 1_000;

const COLUMNS = 'task_id, command, user_id, status, attempts, created_at, started_at, finished_at, result_version, error';

/** Whether the claim $1, $2, $3 still stands: a worker that was frozen must not disturb the one that took over. */
const HELD = `task_id = $1 and lease_owner = $2 and attempts = $3 and status = 'running'`;

/**
 * Only the oldest due task of a user can be claimed. `not_before` is the lease's end as well: a worker that died leaves a
 * running task that is due again. One form for each index, so that each keeps to it however many tasks wait.
 */
const OLDEST_OF_USERS = `
  select c.task_id as id from unnest($4::uuid[]) as users (id)
  cross join lateral (
    select o.task_id from tasks o
    where o.user_id = users.id and o.status in ('queued', 'running') and o.due_at <= now()
    order by o.due_at, o.seq limit 1
  ) oldest
  join tasks c on c.task_id = oldest.task_id
  where c.status in ('queued', 'running') and c.not_before <= now()`;

/** Ends of blocks wait for no older task of the user: every command from that time on ends the block first anyway. */
const BLOCK_ENDS = `
  select c.task_id as id from tasks c
  where c.command = 'end_block' and c.status in ('queued', 'running') and c.not_before <= now()
  order by c.not_before`;

/** No message leads to a task that was tried before or is due at a time of its own, so it is not waited for. */
const OVERDUE = `
  select c.task_id as id from tasks c
  where c.status in ('queued', 'running') and c.not_before <= now()
    and (c.attempts > 0 or c.command = 'end_block' or c.not_before <= now() - make_interval(secs => $4))
    and not exists (
      select from tasks e
      where e.user_id = c.user_id and e.status in ('queued', 'running') and e.due_at <= now() and (e.due_at, e.seq) < (c.due_at, c.seq)
    )
  order by c.not_before`;

/** The oldest rows over their age; other processes delete others. */
const oldest = (table: string, key: string, time: string, age: string): string => `
  delete from ${table} where ${key} = any (array(
    select ${key} from ${table} where ${time} < now() - interval '${age}' order by ${time} limit ${PRUNED_AT_ONCE} for update skip locked
  ))
  returning 1`;

type ClaimedRow = Omit<ClaimedTask, 'input'> & { input: Uint8Array | null };

export const taskRepository = (database: Database): TaskRepository => ({
  // Many clients wait for their tasks at the same time.
  find: batchLoader<string, Task>(async (taskIds) => {
    const tasks = await retriedRead(() => database.query<Task>(`select ${COLUMNS} from tasks where task_id = any ($1)`, [taskIds]));
    return new Map(tasks.map((task) => [task.task_id, task]));
  }),

  async claim(owner, limit, leaseSeconds, { users, blockEnds = false, overdueSeconds = 0 } = {}) {
    const claimable = users ? OLDEST_OF_USERS : blockEnds ? BLOCK_ENDS : OVERDUE;
    const rows = await database.query<ClaimedRow>(
      `with claimable as materialized (${claimable} limit $3 for update of c skip locked)
       update tasks t
       set status = 'running', attempts = attempts + 1, lease_owner = $1, not_before = now() + make_interval(secs => $2),
         started_at = coalesce(started_at, now())
       from claimable where t.task_id = claimable.id
       returning ${COLUMNS}, lease_owner, input, if_match, actor, correlation_id`,
      [owner, leaseSeconds, limit, ...(blockEnds ? [] : [users ?? overdueSeconds])],
    );
    return rows.map(({ input: sealed, ...task }) => {
      const { traceparent, ...input } = (openPersonal(sealed) ?? {}) as { traceparent?: string };
      return { ...task, input, traceparent };
    });
  },

  async fail({ task_id, lease_owner, attempts }, problem) {
    const ended = await database.query(
      `update tasks set status = 'failed', error = $4::json, input = null, lease_owner = null, finished_at = now()
       where ${HELD} returning task_id`,
      [task_id, lease_owner, attempts, JSON.stringify(problem)],
    );
    return ended.length > 0;
  },

  async retry({ task_id, lease_owner, attempts }, delaySeconds) {
    await database.query(
      `update tasks set status = 'queued', lease_owner = null, not_before = now() + make_interval(secs => $4) where ${HELD}`,
      [task_id, lease_owner, attempts, delaySeconds],
    );
  },

  async release(owner, taskIds) {
    await database.query(
      `update tasks set status = 'queued', attempts = attempts - 1, lease_owner = null, not_before = due_at,
         started_at = case when attempts > 1 then started_at end
       where task_id = any ($2) and lease_owner = $1 and status = 'running'`,
      [owner, taskIds],
    );
  },

  async releaseAll() {
    await database.query(`update tasks set not_before = now() where status = 'running'`);
  },

  async prune() {
    const gone = await Promise.all([
      database.query(oldest('tasks', 'task_id', 'finished_at', '7 days')),
      database.query(oldest('idempotency_keys', 'key', 'created_at', '24 hours')),
    ]);
    return gone.some(({ length }) => length === PRUNED_AT_ONCE);
  },
});

/** Unfinished tasks: due and waiting for a worker or their next try, due later, in the hands of a worker; and for how long the oldest has been due. */
type TaskStatusCounts = { queued: number; scheduled: number; running: number; oldest_due_seconds: number };

/** Reads unfinished tasks only, by their index: what has ended is a week's work. */
export const taskStatus = async (database: Database): Promise<TaskStatusCounts> => {
  const [counts] = await database.query<TaskStatusCounts>(
    `select count(*) filter (where status = 'queued' and due_at <= now()) as queued,
       count(*) filter (where status = 'queued' and due_at > now()) as scheduled,
       count(*) filter (where status = 'running') as running,
       coalesce(extract(epoch from now() - min(due_at) filter (where due_at <= now())), 0)::float8 as oldest_due_seconds
     from tasks where status in ('queued', 'running')`,
  );
  return counts as TaskStatusCounts;
};
