import { endExpiredBlock, present, type User } from '../../domain/aggregates/user.ts';
import { Problem } from '../../domain/problem.ts';
import type { Answered, Change, NewTask, Once, StoredUser, UserRepository } from '../../domain/repositories/user-repository.ts';
import { sizeOf } from '../../domain/size-of.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';
import { InvalidValue } from '../../domain/value-objects/value-object.ts';
import { decisionOf, type Moment } from '../commands/command.ts';
import { type CommandName, commandNamed } from '../commands/index.ts';
import type { Task, TaskRef, TaskRepository } from '../tasks/task.ts';
import { taskId } from '../tasks/task-id.ts';

export type CommandRequest = Readonly<{
  command: CommandName;
  user_id: UserId;
  /** Checked against the command's input schema by whoever took it in. */
  input: unknown;
  /** Versions of which the user must have one; null where any will do. `*` is any version of an existing user. */
  if_match?: readonly number[] | '*' | null;
  once?: Once | undefined;
  actor: string | null;
  correlation_id: string | null;
  /** Set when a task is run: its own id as a UUID, so that running it twice takes effect once. */
  command_id?: string;
  completes?: string;
}>;

/** What a command came to. `replayed` is true where a once-only record gave the answer. */
export type Answer = { replayed: boolean } & ({ user: StoredUser } | { task: Task } | { view_count: number });

type Ports = {
  users: UserRepository;
  tasks: Pick<TaskRepository, 'find'>;
  now: () => Date;
  newUuid: () => string;
  randomBytes: (count: number) => Uint8Array;
  /** Called when a task was written, so that it need not wait for the next poll. */
  wake: (task: TaskRef) => void;
};

/** The façade that routes and workers share: run a command now, or accept it as a task. */
export const userService = ({ users, tasks, now, newUuid, randomBytes, wake }: Ports) => {
  const changeOf = (request: CommandRequest): Change => {
    const command = commandNamed(request.command);
    const moment: Moment = { now: now() };
    const later = command.later?.(request.input);
    const task: NewTask | undefined = later && {
      task_id: taskId(randomBytes(16)),
      command: later.command,
      input: later.input,
      if_match: null,
      due_at: later.due,
    };
    const view = command.view?.(request.input, moment);
    return {
      command_id: request.command_id ?? newUuid(),
      user_id: request.user_id,
      creates: command.creates === true,
      decide: (user, version) => {
        checkPrecondition(user, version, request.if_match, command.creates);
        const { ended, own } = decisionOf(command, user, request.input, moment);
        return { events: [...ended, ...own], view, task: own.length > 0 ? task : undefined };
      },
      viewer_id: view?.viewer_id,
      names: hasNewNames(request.input) ? 'new' : undefined,
      input_size: sizeOf(request.input),
      once: request.once,
      completes: request.completes,
      at: moment.now,
      actor: request.actor,
      correlation_id: request.correlation_id,
    };
  };

  const execute = async (request: CommandRequest): Promise<Answer> => {
    const result = await update(changeOf(request));
    if (result.outcome === 'answered') return replay(result.answered, request);
    const { stored, view_count } = result;
    return view_count === undefined ? { user: stored, replayed: false } : { view_count, replayed: false };
  };

  /** Writes the command as a task after trying its decision, so that what is refused now is refused at once. */
  const accept = async (request: CommandRequest): Promise<Answer> => {
    const change = changeOf(request);
    const task: NewTask = {
      task_id: taskId(randomBytes(16)),
      command: request.command,
      input: request.input,
      if_match: request.if_match === '*' ? null : (request.if_match ?? null),
      due_at: change.at.toISOString(),
    };
    const result = await update({
      ...change,
      dry_run: true,
      decide: (user, version) => {
        const { events, view } = change.decide(user, version);
        // The end of a block that is over may be appended before the task runs; the client's precondition is not about that.
        const ended = endExpiredBlock(user, change.at).map((_, index) => version + 1 + index);
        return { events, view, task: { ...task, if_match: task.if_match && [...task.if_match, ...ended] } };
      },
    });
    if (result.outcome === 'answered') return replay(result.answered, request);
    const answer = accepted(task, request.user_id, change.at);
    wake(answer);
    return { task: answer, replayed: false };
  };

  const replay = async (answered: Answered, { command, once }: CommandRequest): Promise<Answer> => {
    if (answered.request_hash !== once?.request_hash) throw new Problem('idempotency-key-reused');
    if (answered.task_id !== null) {
      const task = await tasks.find(answered.task_id);
      if (task === null) throw new Problem('task-not-found');
      return { task: accepted(task, task.user_id, task.created_at), replayed: true };
    }
    if (commandNamed(command).view) return { view_count: answered.version, replayed: true };
    const current = await users.find(answered.user_id);
    const erased = current?.user.status === 'deleted' && answered.status !== 204;
    const user = current?.version === answered.version || erased ? current : await users.findAt(answered.user_id, answered.version);
    if (user === null) throw new Problem('user-not-found');
    // What a deleted user looked like before is nobody's business any more.
    if (erased) throw new Problem('user-deleted');
    return { user, replayed: true };
  };

  const update = (wanted: Change) => users.update({ ...wanted, decide: (user, version) => checked(() => wanted.decide(user, version)) });

  return { execute, accept };
};

const hasNewNames = (input: unknown): boolean => Object.keys(input as object).some((name) => name.startsWith('new_'));

export type UserService = ReturnType<typeof userService>;

const accepted = ({ task_id, command }: Pick<Task, 'task_id' | 'command'>, user_id: UserId, created_at: Date): Task => ({
  task_id,
  command,
  user_id,
  status: 'queued',
  attempts: 0,
  created_at,
  started_at: null,
  finished_at: null,
  result_version: null,
  error: null,
});

/** An unknown or deleted user is a plainer answer than a stale version, and a stale version than a refused change. */
const checkPrecondition = (user: User | null, version: number, wanted: CommandRequest['if_match'], creates = false): void => {
  if (wanted === undefined || wanted === null || user?.status === 'deleted') return;
  if (user === null && creates) throw new Problem('version-conflict', { detail: 'a user that is to be created has no version to match' });
  present(user);
  if (wanted !== '*' && !wanted.includes(version)) throw new Problem('version-conflict', { version });
};

const checked = <T>(decide: () => T): T => {
  try {
    return decide();
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    throw new Problem('validation-failed', { errors: [{ pointer: '', code: error.code, detail: error.message }] }, { cause: error });
  }
};
