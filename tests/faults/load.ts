import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../fixtures/seeded.ts';
import { isUnknown, succeeded } from './evidence.ts';
import type { History, Operation, Request } from './history.ts';

/** Few, so that users get in each other's way. */
const PHONES = ['+12025550101', '+12025550102', '+12025550103', '+12025550104', null];
const ADDRESSES = ['a@example.com', 'B@example.com', 'c@example.com'];
/** Between two things that a client does, on average: several scenarios share a machine. */
const THINK_MS = 80;
/** A moment before asking again where nobody answered. */
const AGAIN_MS = 30;

const request = (
  kind: Request['kind'],
  method: Request['method'],
  user_id: string,
  path: string,
  more: Partial<Request> = {},
): Request => ({
  ...{ kind, method, user_id, body: null, if_match: null, fresh: false },
  key: method === 'GET' ? null : randomUUID(),
  path: `/api/users${path}`,
  ...more,
});

/** Clients that create, change, delete and read a few users at once, each at its instance, until they are stopped. */
export const startLoad = (random: Random, history: History, instances: readonly string[], clients = 8) => {
  const known: { user_id: string; version: number }[] = [];
  const tasks: { user_id: string; task_id: string }[] = [];
  /** Asked, and not answered so far: to be asked again with the same key. */
  const open: Request[] = [];
  let stopping = false;
  let names = 0;

  const creation = (email: string): Request => {
    const user_id = randomUUID();
    return request('create', 'POST', user_id, '/', { body: { user_id, username: { first_name: 'Ann' }, email } });
  };
  const change = (kind: 'rename' | 'phone' | 'email', user: { user_id: string; version: number }, more: Partial<Request> = {}): Request => {
    const [path, body] = {
      rename: ['username', { first_name: `Name ${++names}` }] as const,
      phone: ['phone', { new_phone: random.pick(PHONES) }] as const,
      email: ['email', { new_email: `${randomUUID()}@example.com` }] as const,
    }[kind];
    return request(kind, 'PATCH', user.user_id, `/${user.user_id}/${path}`, { body, ...more });
  };

  const read = ({ user_id }: { user_id: string }, fresh: boolean): Request => request('read', 'GET', user_id, `/${user_id}`, { fresh });

  /** What a client does next: the requests go out together, each from another of its hands. */
  const next = (): Request[] => {
    const user = known.length < 5 ? undefined : random.pick(known);
    if (user === undefined) return [creation(`${randomUUID()}@example.com`)];
    const { version } = user;
    const dice = random.below(100);
    if (dice < 8) return [creation(`${randomUUID()}@example.com`)];
    if (dice < 13) return [creation(random.pick(ADDRESSES))];
    if (dice < 40) return [change('rename', user)];
    if (dice < 48) return Array.from({ length: 3 }, () => change('rename', user, { if_match: version }));
    if (dice < 52) return Array(3).fill(change('rename', user));
    if (dice < 60) return [change('phone', user)];
    if (dice < 70) return [change('email', user)];
    if (dice < 74 && tasks.length > 0) {
      const { user_id, task_id } = random.pick(tasks);
      return [request('task', 'GET', user_id, `/tasks/${task_id}`)];
    }
    return [read(user, dice > 92)];
  };

  const learn = (operation: Operation): void => {
    const { kind, user_id, version, task_id, status } = operation;
    if (status === 202 && task_id) tasks.push({ user_id, task_id });
    const user = known.find((one) => one.user_id === user_id);
    if (user && version !== null) user.version = Math.max(user.version, version);
    if (kind === 'create' && succeeded(operation) && !user) known.push({ user_id, version: 1 });
  };

  const ask = async (client: string, instance: string, asked: Request, old = false): Promise<boolean> => {
    const operation = await history.send(client, instance, asked);
    learn(operation);
    const again = isUnknown(operation) || operation.status === 503;
    // Of what is not answered, most is asked until it is; the rest stays unknown for good.
    if (again && asked.method !== 'GET' && (old || random.below(5) > 0)) open.push(asked);
    return again;
  };

  const client = async (name: string, instance: string): Promise<void> => {
    while (!stopping) {
      const old = open.shift();
      const requests = old ? [old] : next();
      await sleep(random.below(2 * THINK_MS));
      const unanswered = await Promise.all(requests.map((asked, hand) => ask(`${name}${hand || ''}`, instance, asked, old !== undefined)));
      if (unanswered.some(Boolean)) await sleep(AGAIN_MS);
      else if (requests[0] && random.below(3) === 0) await ask(name, instance, read(requests[0], false));
    }
  };
  /** Goes on reading while changes are not answered. */
  const reader = async (name: string, instance: string): Promise<void> => {
    for (; !stopping; await sleep(AGAIN_MS))
      if (known.length > 0) await ask(name, instance, read(random.pick(known), random.below(4) === 0));
  };
  const instance = (index: number): string => instances[index % instances.length] as string;
  const running = [
    ...Array.from({ length: clients }, (_, index) => client(`client ${index}`, instance(index))),
    ...instances.map((one, index) => reader(`reader ${index}`, one)),
  ];

  return {
    /** Stops, and asks what is still open until it is answered. */
    stop: async (ms = 10_000): Promise<void> => {
      stopping = true;
      await Promise.all(running);
      for (const end = performance.now() + ms; open.length > 0 && performance.now() < end; ) {
        if (await ask('the last', instance(0), open.shift() as Request, true)) await sleep(AGAIN_MS);
      }
    },

    /** Changes these users at once, each at any instance. */
    rename: async (userIds: readonly string[]): Promise<void> => {
      await Promise.all(
        userIds.map((user_id) => ask(`the last of ${user_id}`, random.pick(instances), change('rename', { user_id, version: 0 }))),
      );
    },
  };
};
