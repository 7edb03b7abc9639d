import type { ClaimedTask, Task, TaskRepository } from '../../domain/repositories/task-repository.ts';
import { available } from './available.ts';
import type { Database } from './database.ts';
import { openPersonal } from './personal.ts';

const COLUMNS = 'task_id, command, user_id, status, attempts, created_at, started_at, finished_at, result_version, error';

type ClaimedRow = Omit<ClaimedTask, 'input'> & { input: Uint8Array | null };

export const taskRepository = (database: Database): TaskRepository => ({
  async find(taskId) {
    const [task] = await available(() => database.query<Task>(`select ${COLUMNS} from tasks where task_id = $1`, [taskId]));
    return task ?? null;
  },

  async claim(owner, limit, leaseSeconds) {
    // Only the oldest due task of a user can be claimed. `not_before` is the lease's end as well: a worker that died
    // leaves a running task that is due again.
    const rows = await database.query<ClaimedRow>(
      `update tasks t
       set status = 'running', attempts = attempts + 1, lease_owner = $1, not_before = now() + make_interval(secs => $3),
         started_at = coalesce(started_at, now())
       where t.task_id in (
         select c.task_id from tasks c
         where c.status in ('queued', 'running') and c.not_before <= now()
           and not exists (
             select from tasks e
             where e.user_id = c.user_id and e.status in ('queued', 'running') and e.due_at <= now()
               and (e.due_at, e.seq) < (c.due_at, c.seq)
           )
         order by c.not_before
         limit $2
         for update skip locked
       ) and t.status in ('queued', 'running') and t.not_before <= now()
       returning ${COLUMNS}, input, if_match, actor, correlation_id`,
      [owner, limit, leaseSeconds],
    );
    return rows.map(({ input, ...task }) => ({ ...task, input: openPersonal(input) }));
  },

  async fail(taskId, problem) {
    await database.query(
      `update tasks set status = 'failed', error = $2::json, input = null, lease_owner = null, finished_at = now()
       where task_id = $1 and status in ('queued', 'running')`,
      [taskId, JSON.stringify(problem)],
    );
  },

  async retry(taskId, delaySeconds) {
    await database.query(
      `update tasks set status = 'queued', lease_owner = null, not_before = now() + make_interval(secs => $2)
       where task_id = $1 and status = 'running'`,
      [taskId, delaySeconds],
    );
  },

  async releaseAll() {
    await database.query(`update tasks set not_before = now() where status = 'running'`);
  },

  async sweep() {
    await database.query(`delete from tasks where finished_at < now() - interval '7 days'`);
    await database.query(`delete from idempotency_keys where created_at < now() - interval '24 hours'`);
  },
});
