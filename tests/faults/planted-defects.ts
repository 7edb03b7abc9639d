import type { Operation } from '../fixtures/history.ts';
import type { invariants } from './checker.ts';
import type { Delivered, Evidence, LogRow, Probe } from './evidence.ts';
import { ANN, BOB, type Run, TASK } from './evidence-sample.ts';

/** Evidence, open to change. */
type Open = { -readonly [K in keyof Evidence]: Evidence[K] extends readonly (infer T)[] ? T[] : Evidence[K] } & {
  published: Message[];
  sockets: { events: Delivered[] }[];
};
type Message = NonNullable<Evidence['published']>[number];

/** Changes the run before everything else is derived from it, so that only the defect itself is out of place; or what was derived. */
export type Defect = [keyof typeof invariants, string, { run?: (run: Run) => unknown; seen?: (evidence: Open) => unknown }];

const asked = ({ history }: Run, id: string, more: Partial<Operation> = {}): Operation =>
  Object.assign(history.find(({ request_id }) => request_id === id) as Operation, more);
const again = (run: Run, id: string, more: Partial<Operation>) => run.history.push({ ...asked(run, id), request_id: 'again', ...more });
const row = ({ log }: { log: LogRow[] }, position: number, more: Partial<LogRow> = {}): LogRow =>
  Object.assign(log[position - 1] as LogRow, more);
const append = ({ log }: Run, version: number, more: Partial<LogRow> = {}) =>
  log.push({
    ...row({ log }, log.length),
    ...{ position: log.length + 1, version, correlation_id: null, command_id: 'another', raw: 'another' },
    ...more,
  } as LogRow);
const email = (address: string, more: Partial<LogRow> = {}): Partial<LogRow> =>
  ({ type: 'UserEmailChanged', personal: { email: address }, ...more }) as Partial<LogRow>;
const ofAnn = { stream: `user-${ANN}` };
const OTHER_TASK = TASK.replace('1', '2');
const later = (started: number): Partial<Operation> => ({ started, ended: started + 10 });
const lastMessage = ({ published }: Open) => published.at(-1) as Message;
const probe = (evidence: Open, index: number, more: Partial<Probe>) => Object.assign(evidence.probes[index] as Probe, more);

export const defects: Defect[] = [
  ['I1', 'an acknowledged change is not in the log', { run: (run) => again(run, 'at last', { body: { first_name: 'lost' } }) }],
  [
    'I1',
    'a change that was asked twice and acknowledged is not in the log',
    {
      run: (run) => {
        const lost = { key: 'lost', body: { first_name: 'lost' } };
        again(run, 'at last', { ...lost, ...later(1_180), request_id: 'first try', status: null, version: null });
        again(run, 'at last', { ...lost, ...later(42_000) });
      },
    },
  ],
  ['I1', 'a change took effect twice', { run: (run) => append(run, 3, { correlation_id: 'at last' }) }],
  ['I1', 'a refused change took effect', { run: (run) => append(run, 3, { correlation_id: 'loser' }) }],
  [
    'I1',
    'an unknown change took effect twice',
    {
      run: (run) => {
        again(run, 'after', { ...later(1_180), status: null, version: null });
        for (const version of [5, 6]) append(run, version, { ...ofAnn, correlation_id: 'again' });
      },
    },
  ],
  ['I2', 'a version is missing', { run: (run) => append(run, 4) }],
  ['I2', 'a version is there twice', { run: (run) => append(run, 2), seen: (evidence) => Object.assign(evidence, { published: null }) }],
  ['I2', 'a user begins in the middle', { run: (run) => append(run, 1, { stream: 'user-eve' }) }],
  [
    'I2',
    'a user goes on after the end',
    {
      run: (run) => {
        append(run, 3, { type: 'UserDeleted', personal: {} });
        append(run, 4, { type: 'UserActivated', personal: {} });
      },
    },
  ],
  ['I3', 'an old event was rewritten', { seen: (evidence) => row(evidence, 2, { raw: 'rewritten' }) }],
  ['I4', 'a position is missing', { run: (run) => row(run, 6, { position: 7 }), seen: ({ tails }) => tails.pop() }],
  ['I4', 'a reader saw two events in the wrong order', { seen: ({ tails }) => tails.push({ after: 1, seen: [2, 4, 3, 5, 6] }) }],
  ['I4', 'a reader missed an event', { seen: ({ tails }) => tails.push({ after: 1, seen: [2, 4, 5, 6] }) }],
  ['I5', 'an answer has another version than the log', { run: (run) => asked(run, 'at last', { version: 3 }) }],
  ['I5', 'an address was refused that nobody had', { run: (run) => asked(run, 'taken', { body: { email: 'free@example.com' } }) }],
  ['I5', 'an address was refused before anybody had it', { run: (run) => asked(run, 'taken', later(1_050)) }],
  [
    'I5',
    'an address was refused after it was given up',
    {
      run: (run) => {
        append(run, 3, email('d@example.com', { correlation_id: 'moved' }));
        again(run, 'at last', { ...later(41_000), request_id: 'moved', version: 3 });
        again(run, 'taken', later(42_000));
      },
    },
  ],
  ['I5', 'a version was refused that was there', { run: (run) => again(run, 'loser', { ...later(42_000), if_match: 2, user_id: BOB }) }],
  ['I6', 'a row has another state than the log', { seen: ({ users: [first] }) => Object.assign(first as object, { state: null }) }],
  ['I6', 'a row has another key than the log', { seen: ({ users: [first] }) => Object.assign(first as object, { email_key: 'x' }) }],
  [
    'I6',
    'a row was left behind',
    {
      seen: ({ users, cached }) => {
        for (const one of [users[0], cached[0]]) Object.assign(one as object, { version: 3 });
      },
    },
  ],
  ['I7', 'a client read what was before its own write', { run: (run) => asked(run, 'read', { version: 1 }) }],
  ['I7', 'a client went back', { run: (run) => again(run, 'fresh read', { ...later(3_500), version: 2, fresh: false }) }],
  [
    'I7',
    'a client read what was before a task that it had seen succeed',
    {
      run: (run) => {
        again(run, 'task', { ...later(2_000), version: 3 });
        again(run, 'read', { ...later(2_100), version: 2 });
      },
    },
  ],
  [
    'I7',
    'a read was too far behind',
    { run: (run) => again(run, 'read', { ...later(4_000), client: 'third', instance: 'http://two', version: 1 }) },
  ],
  [
    'I7',
    'a read that asked for the newest was given less',
    { run: (run) => again(run, 'fresh read', { ...later(20_511), client: 'third', instance: 'http://two' }) },
  ],
  ['I8', 'a cache kept an old version', { seen: ({ cached }) => cached.push({ where: 'Redis', user_id: ANN, version: 3 }) }],
  ['I9', 'an event was never published', { seen: ({ published }) => published.pop() }],
  ['I9', 'something was published that never happened', { seen: (e) => e.published.push({ ...lastMessage(e), id: 'user-eve:1' }) }],
  [
    'I9',
    'an id was published with two bodies',
    { seen: (e) => e.published.push({ ...lastMessage(e), body: { ...lastMessage(e).body, type: 'lumin.users.UserUsernameChanged.v2' } }) },
  ],
  [
    'I9',
    'a message is not the event of its id',
    { seen: (e) => e.published.splice(-1, 1, { ...lastMessage(e), body: { ...lastMessage(e).body, position: '1' } }) },
  ],
  ['I10', 'events of a user were published in the wrong order', { seen: ({ published }) => published.reverse() }],
  ['I10', 'a subscription has a hole', { seen: ({ sockets }) => sockets[1]?.events.splice(1, 1) }],
  ['I10', 'a subscription ends before the log does', { seen: ({ sockets }) => sockets[0]?.events.pop() }],
  ['I10', 'a subscription saw events in the wrong order', { seen: ({ sockets }) => sockets[0]?.events.reverse() }],
  ['I10', 'a subscription saw an event twice', { seen: ({ sockets }) => sockets[1]?.events.push(...sockets[1].events.slice(-1)) }],
  ['I11', 'two users have an address at once', { run: (run) => append(run, 3, email('C@example.com')) }],
  [
    'I11',
    'an address was given to somebody before it was given up',
    {
      run: (run) => {
        append(run, 3, email('C@example.com'));
        append(run, 5, { ...ofAnn, ...email('free@example.com') });
      },
    },
  ],
  ['I12', 'a key was answered in two ways', { run: (run) => again(run, 'create bob again', { answer: 'somebody else' }) }],
  [
    'I12',
    'what was done was refused when it was asked again',
    { run: (run) => again(run, 'create bob again', { status: 409, code: 'user-exists', version: null }) },
  ],
  [
    'I12',
    'a key stood for two requests',
    {
      run: (run) => {
        again(run, 'create bob again', { body: { email: 'e@example.com' }, user_id: 'eve' });
        run.log.push({
          ...row(run, 1),
          ...email('e@example.com', { type: 'UserCreated' }),
          position: 7,
          stream: 'user-eve',
          correlation_id: 'again',
        } as LogRow);
      },
    },
  ],
  [
    'I13',
    'two changes that expected one version succeeded',
    {
      run: (run) => {
        const second = { client: 'second', key: 'second', body: { first_name: 'too' } };
        again(run, 'winner', { ...second, ...later(1_180), request_id: 'first try', status: null, version: null });
        again(run, 'winner', { ...second, ...later(45_000), version: 5 });
        append(run, 5, { ...ofAnn, correlation_id: 'again' });
      },
    },
  ],
  ['I14', 'an accepted task is gone', { seen: ({ tasks }) => tasks.pop() }],
  ['I14', 'a task never ends', { seen: ({ tasks }) => tasks.splice(0, 1, { task_id: TASK, status: 'running' }) }],
  [
    'I14',
    'an accepted task is never begun',
    {
      run: (run) => again(run, 'email', { task_id: OTHER_TASK, body: { new_email: 'd@example.com' } }),
      seen: ({ tasks }) => tasks.push({ task_id: OTHER_TASK, status: 'queued' }),
    },
  ],
  ['I14', 'a failed task took effect', { seen: ({ tasks }) => tasks.splice(0, 1, { task_id: TASK, status: 'failed' }) }],
  ['I14', 'a task took effect twice', { run: (run) => append(run, 3, { command_id: row(run, 4).command_id }) }],
  ['I14', 'a task could not be looked up', { run: (run) => asked(run, 'task', { status: 404 }) }],
  [
    'I18',
    'what was acknowledged before a crash is gone',
    { run: (run) => again(run, 'winner', { ...later(3_500), if_match: null, body: { first_name: 'lost' }, version: null }) },
  ],
  ['I19', 'memory is not bounded', { seen: ({ gauges }) => gauges.push({ name: 'memory', highest: 600, limit: 512 }) }],
  ['I20', 'an answer came too late', { run: (run) => asked(run, 'while away', { ended: 18_000 }) }],
  ['I20', 'a process that lived cut a request off', { run: (run) => again(run, 'at last', { status: null, version: null, body: {} }) }],
  ['I20', 'a request was cut off where nobody was killed', { run: (run) => asked(run, 'cut', { instance: 'http://one' }) }],
  ['I21', 'a change was refused for want of Redis', { run: (run) => again(run, 'while away', later(65_000)) }],
  ['I21', 'a change was refused although the store was back', { run: (run) => again(run, 'while away', later(50_000)) }],
  [
    'I21',
    'no change succeeded soon after the store was back',
    { run: (run) => asked(run, 'after', { status: 503, code: 'store-unavailable', retry_after: '1', version: null, request_id: 'late' }) },
  ],
  ['I22', 'ready although the store is away', { seen: (evidence) => probe(evidence, 1, { status: 200 }) }],
  ['I22', 'dead although only the store is away', { seen: (evidence) => probe(evidence, 2, { status: 503 }) }],
  ['I22', 'health is long in coming', { seen: (evidence) => probe(evidence, 6, { ended: 68_000 }) }],
  ['I22', 'not ready although the store is back', { seen: (evidence) => probe(evidence, 4, { status: 503 }) }],
  ['I22', 'not ready without Redis', { seen: (evidence) => probe(evidence, 5, { status: 503 }) }],
  ['I22', 'all is said to be well without Redis', { seen: (evidence) => probe(evidence, 6, { state: 'ok' }) }],
  [
    'I22',
    'a cache that is there is said to be away',
    {
      seen: ({ probes }) =>
        probes.push({ at: 35_000, ended: 35_005, path: '/health', status: 200, state: 'degraded', unwell: 'cache unavailable' }),
    },
  ],
  ['I23', 'an error is none of those we own up to', { run: (run) => asked(run, 'while away', { status: 500, code: 'internal-error' }) }],
  ['I23', 'a 503 does not say when to come back', { run: (run) => asked(run, 'while away', { retry_after: null }) }],
];
