import type { FastifyReply } from 'fastify';
import type { Answer } from '../../../application/services/user-service.ts';
import type { Task } from '../../../application/tasks/task.ts';
import { Problem } from '../../../domain/problem.ts';
import type { StoredUser } from '../../../domain/repositories/user-repository.ts';
import type { Api } from '../dependencies.ts';
import type { Preference } from '../http/headers.ts';
import { problemOfTask, taskView } from '../schemas/task.ts';
import { userView } from '../schemas/user.ts';

/** How long a client may wait for a task with `Prefer: wait=N`. */
const MAX_WAIT_SECONDS = 9;

/** Of a command's row: the status of its answer, and whether that is a count instead of the user. */
type Row = { status: 200 | 201 | 204; answers?: object };

/** Answers with the user, a count or a task; with `Prefer: wait`, with what came of the task, as if it had been synchronous. */
export const sendAnswer = async (reply: FastifyReply, api: Api, row: Row, answer: Answer, prefer: Preference): Promise<FastifyReply> => {
  if (answer.replayed) reply.header('idempotent-replayed', 'true');
  if ('user' in answer) return sendUser(reply, row, answer.user);
  if ('view_count' in answer) return reply.send({ count: answer.view_count });
  const waited =
    prefer.waitSeconds === null
      ? answer.task
      : await api.awaitTask(answer.task.task_id, waitMs(prefer.waitSeconds, reply.elapsedTime)).catch(orAccepted(answer.task));
  if (prefer.waitSeconds !== null) reply.header('preference-applied', `wait=${Math.min(prefer.waitSeconds, MAX_WAIT_SECONDS)}`);
  if (waited.error) throw problemOfTask(waited.error);
  if (waited.finished_at && row.answers) return reply.send({ count: waited.result_version });
  if (waited.finished_at)
    return row.status === 204 ? reply.code(204).send() : sendUser(reply, row, await api.getById(waited.user_id, { fresh: true }));
  if (prefer.respondAsync) reply.header('preference-applied', 'respond-async');
  return sendTask(reply, answer.task);
};

/** All of it within the budget of a request. */
const waitMs = (seconds: number, elapsedMs: number): number => Math.max(0, Math.min(seconds * 1000, MAX_WAIT_SECONDS * 1000 - elapsedMs));

/** What was accepted stays accepted, also where nobody can see by now what came of it. */
const orAccepted =
  (task: Task) =>
  (error: unknown): Task => {
    if (error instanceof Problem && error.kind === 'unavailable') return task;
    throw error;
  };

const sendUser = (reply: FastifyReply, row: Row, user: StoredUser): FastifyReply => {
  if (row.status === 204) return reply.code(204).send();
  if (row.status === 201) reply.header('location', `/api/users/${user.user_id}`);
  return reply.code(row.status).header('etag', `"${user.version}"`).send(userView(user));
};

const sendTask = (reply: FastifyReply, task: Task): FastifyReply =>
  reply.code(202).header('location', `/api/users/tasks/${task.task_id}`).header('retry-after', 1).send(taskView(task));
