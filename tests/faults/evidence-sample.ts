import { eventId } from '../../src/application/feed/cloud-event.ts';
import { commandIdOf } from '../../src/application/tasks/task-id.ts';
import { foldUser, USER_FOLD, uniqueKeys } from '../../src/domain/aggregates/user.ts';
import { defaultPrivacySettings } from '../../src/domain/value-objects/privacy-settings.ts';
import type { Operation } from '../fixtures/history.ts';
import { type Delivered, type Evidence, type LogRow, prefixHashes } from './evidence.ts';

export const ANN = '6ba7b810-9dad-41d1-80b4-00c04fd430c8';
export const BOB = '550e8400-e29b-41d4-a716-446655440000';
export const TASK = `task_${'0'.repeat(25)}1`;

/** The parts of a run that everything else follows from; a test changes them before or after the rest is derived. */
export type Run = { history: Operation[]; log: LogRow[] };

const operation = (request_id: string, started: number, more: Partial<Operation>): Operation => ({
  kind: 'rename',
  method: 'PATCH',
  path: `/api/users/${more.user_id ?? ANN}/username`,
  body: { first_name: request_id },
  user_id: ANN,
  key: null,
  if_match: null,
  fresh: false,
  request_id,
  client: 'first',
  instance: 'http://one',
  started,
  ended: started + 10,
  status: 200,
  code: null,
  version: null,
  task_id: null,
  retry_after: null,
  answer: request_id,
  ...more,
});

const event = (position: number, user: string, version: number, request: string, more: Partial<LogRow>): LogRow =>
  ({
    position,
    stream: `user-${user}`,
    version,
    type: 'UserUsernameChanged',
    schema_version: 1,
    data: {},
    changed: ['username'],
    personal: { username: { first_name: request, last_name: null } },
    command_id: `of ${request}`,
    actor: null,
    correlation_id: request,
    at: '2026-01-01T00:00:00.000Z',
    raw: `row ${position}`,
    ...more,
  }) as LogRow;

const created = (position: number, user: string, request: string, email: string) =>
  event(position, user, 1, request, {
    type: 'UserCreated',
    data: { language_code: 'en', privacy_settings: defaultPrivacySettings } as never,
    personal: { username: { first_name: 'Ann', last_name: null }, email } as never,
  });

/** Two users are created, changed one way and another, read, and refused what they have to be: nothing is wrong with it. */
export const sampleRun = (): Run => ({
  history: [
    operation('create ann', 1_000, {
      kind: 'create',
      method: 'POST',
      path: '/api/users',
      body: { email: 'a@example.com' },
      status: 201,
      version: 1,
    }),
    operation('create bob', 1_100, {
      ...{ kind: 'create', method: 'POST', path: '/api/users', body: { email: 'b@example.com' }, user_id: BOB, key: 'key of bob' },
      ...{ status: null, ended: 1_200 },
    }),
    operation('create bob again', 1_300, {
      ...{ kind: 'create', method: 'POST', path: '/api/users', body: { email: 'b@example.com' }, user_id: BOB, key: 'key of bob' },
      ...{ status: 201, version: 1, answer: 'bob' },
    }),
    operation('other body', 1_350, {
      kind: 'create',
      method: 'POST',
      path: '/api/users',
      body: {},
      key: 'key of bob',
      status: 422,
      code: 'idempotency-key-reused',
    }),
    operation('taken', 1_400, {
      kind: 'create',
      method: 'POST',
      path: '/api/users',
      body: { email: 'B@example.com' },
      user_id: 'eve',
      status: 409,
      code: 'email-taken',
    }),
    operation('winner', 1_500, { if_match: 1, version: 2 }),
    operation('loser', 1_500, { client: 'second', if_match: 1, status: 412, code: 'version-conflict' }),
    operation('read', 1_600, { kind: 'read', method: 'GET', body: null, version: 2 }),
    operation('email', 1_700, { kind: 'email', path: '/email', body: { new_email: 'c@example.com' }, status: 202, task_id: TASK }),
    operation('fresh read', 3_000, { kind: 'read', method: 'GET', body: null, fresh: true, version: 3 }),
    operation('task', 3_100, { kind: 'task', method: 'GET', body: null, path: `/api/users/tasks/${TASK}` }),
    operation('while away', 7_000, { ended: 11_000, status: 503, code: 'store-unavailable', retry_after: '1' }),
    operation('cut', 12_000, {
      ...{ kind: 'read', method: 'GET', body: null, client: 'third', instance: 'http://two', ended: 12_500, status: null },
    }),
    operation('slow read', 14_000, { kind: 'read', method: 'GET', body: null, ended: 20_200, version: 3 }),
    operation('after', 20_500, { version: 4 }),
    operation('at last', 40_000, { user_id: BOB, version: 2 }),
  ],
  log: [
    created(1, ANN, 'create ann', 'a@example.com'),
    created(2, BOB, 'create bob', 'b@example.com'),
    event(3, ANN, 2, 'winner', {}),
    event(4, ANN, 3, 'email', { type: 'UserEmailChanged', personal: { email: 'c@example.com' } as never, command_id: commandIdOf(TASK) }),
    event(5, ANN, 4, 'after', {}),
    event(6, BOB, 2, 'at last', {}),
  ],
});

/** What the service would have made of the log: rows, messages, and what everybody was shown. */
export const evidenceOf = ({ history, log }: Run): Evidence => {
  const rows = [...Map.groupBy(log, ({ stream }) => stream)].map(([stream, events]) => {
    const state = foldUser(null, events);
    const version = events.at(-1)?.version ?? 0;
    return { user_id: stream.slice('user-'.length) as never, version, fold: USER_FOLD, status: state.status, ...uniqueKeys(state), state };
  });
  const delivered = log.map(
    (event): Delivered => ({
      id: eventId(event),
      subject: event.stream.slice('user-'.length),
      type: `lumin.users.${event.type}.v1`,
      position: String(event.position),
      version: event.version,
    }),
  );
  return {
    history,
    faults: [
      { what: 'api', from: 1_150, mending: 1_250, to: 1_250 },
      { what: 'store', from: 5_000, mending: 20_000, to: 20_000 },
      { what: 'api', instance: 'http://two', from: 12_200, mending: 12_300, to: 12_300 },
      { what: 'redis', from: 60_000, mending: 70_000, to: 70_000 },
    ],
    log,
    users: rows,
    tasks: [{ task_id: TASK, status: 'succeeded' }],
    prefixes: prefixHashes(log.slice(0, 4)),
    tails: [{ after: 1, seen: log.slice(1).map(({ position }) => position) }],
    published: delivered.flatMap((body, index) => [
      { sequence: 2 * index + 1, id: body.id, body },
      // A relay that died before it remembered repeats itself.
      ...(index === 2 ? [{ sequence: 6, id: body.id, body }] : []),
    ]),
    sockets: [
      { user_id: null, after: 0, events: delivered },
      { user_id: ANN, after: 1, events: delivered.filter(({ subject, position }) => subject === ANN && position !== '1') },
    ],
    cached: rows.map(({ user_id, version }) => ({ where: 'Redis', user_id, version })),
    probes: (
      [
        { at: 1_000, path: '/health/ready', status: 200, state: 'ok' },
        { at: 15_000, path: '/health/ready', status: 503, state: null },
        { at: 15_000, path: '/health/live', status: 200, state: 'ok' },
        { at: 15_000, path: '/health', status: 200, state: 'degraded' },
        { at: 30_000, path: '/health/ready', status: 200, state: 'ok' },
        { at: 65_000, path: '/health/ready', status: 200, state: 'degraded' },
        { at: 65_000, path: '/health', status: 200, state: 'degraded' },
      ] as const
    )
      .map((probe) => ({ ...probe, ended: probe.at + 5 }))
      // The machine had no time for anything.
      .concat([
        { at: 50_000, ended: 50_700, path: '/health/live', status: 200, state: 'ok' },
        { at: 50_100, ended: 51_150, path: '/health/ready', status: 503, state: null },
      ] as never),
    gauges: [{ name: 'memory', highest: 200, limit: 512 }],
  };
};
