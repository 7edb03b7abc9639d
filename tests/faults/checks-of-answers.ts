import { isUnknown, type Operation, succeeded } from '../fixtures/history.ts';
import { type Command, commandsOf, type Evidence, effects, type Fault, type Invariant, type Probe, type Span } from './evidence.ts';

const LIMITS = {
  /** How far behind a read may be. */
  staleMs: 1_000,
  /** From the request to its answer, whatever is broken. */
  budgetMs: 10_000,
  /** From the end of a fault to normal answers, and to readiness. */
  healMs: 5_000,
  /** From the loss of the store to unreadiness. */
  noticeMs: 2_000,
  /** From then on a machine is busy. */
  busyMs: 500,
  /** What a request may lose by asking Redis. */
  cacheMs: 20,
};
const SLACK_MS = 250;

/** Reads of a client never go back, hold its own writes, and are at most a moment behind everybody's. */
export const readsOnlyGoForward: Invariant = ({ history }) => {
  const mistakes: string[] = [];
  for (const [userId, operations] of Map.groupBy(history, ({ user_id }) => user_id)) {
    // A refusal tells the version as well, and so does a task.
    const known = operations.filter(({ version }) => version !== null) as (Operation & { version: number })[];
    const acknowledged = known.toSorted((a, b) => a.ended - b.ended);
    for (const read of known.filter((one) => one.kind === 'read' && succeeded(one))) {
      const bound = read.fresh ? read.started : read.started - LIMITS.staleMs - SLACK_MS;
      const must = acknowledged.filter(
        ({ ended, client, instance }) => ended <= bound || (ended <= read.started && client === read.client && instance === read.instance),
      );
      const newest = Math.max(0, ...must.map(({ version }) => version));
      if (read.version < newest)
        mistakes.push(`${read.client} read version ${read.version} of ${userId} after version ${newest} was answered`);
    }
  }
  return mistakes;
};

/** No cache holds another version than the database, once all is at rest. */
export const cachesAreCurrent = ({ cached, users }: Pick<Evidence, 'cached' | 'users'>): string[] => {
  const rows = new Map<string, number>(users.map(({ user_id, version }) => [user_id, version]));
  return cached
    .filter(({ user_id, version }) => rows.get(user_id) !== version)
    .map(({ where, user_id, version }) => `${where} has version ${version} of ${user_id}, the database ${rows.get(user_id)}`);
};

/** The same key and body get the same answer; another body under the same key gets none. */
export const keysAnswerOnce: Invariant = (evidence) => {
  const commands = commandsOf(evidence).filter(({ requests }) => requests[0]?.key);
  const different = commands.flatMap(({ name, requests }) => {
    const answers = new Set(requests.filter(succeeded).map(({ status, task_id, answer }) => `${status} ${task_id ?? answer}`));
    return answers.size > 1 ? `${name} was answered in ${answers.size} ways` : [];
  });
  const effectsOf = effects(evidence);
  const denied = commands.flatMap((command) => {
    const refusal = command.requests.find(
      ({ status, code }) => status !== null && status >= 400 && status < 500 && code !== 'idempotency-in-progress',
    );
    return refusal && effectsOf(command).length > 0 && !refusedFirst(command)
      ? `${command.name} was answered ${refusal.code} although it is done`
      : [];
  });
  const scope = (requests: Operation[]) => `${requests[0]?.method} ${requests[0]?.kind} ${requests[0]?.key}`;
  const reused = [...Map.groupBy(commands, ({ requests }) => scope(requests)).values()].flatMap((sharing) => {
    const done = sharing.filter(({ requests }) => requests.some(succeeded));
    return done.length > 1 ? `one key stood for ${done.map(({ name }) => name).join(' and ')}` : [];
  });
  return [...different, ...denied, ...reused];
};

/** No request of it ever was without an answer: then what it left in the log is not what it was answered from. */
const refusedFirst = ({ requests }: Command): boolean => requests.every((request) => !isUnknown(request) && !succeeded(request));

/** Of all that expect one version, one at most succeeds, and makes the next. */
export const oneWinner: Invariant = (evidence) => {
  const expecting = commandsOf(evidence).filter(({ requests }) => requests[0] && requests[0].if_match !== null);
  const groups = Map.groupBy(expecting, ({ user_id, requests }) => `${user_id} at version ${requests[0]?.if_match}`);
  return [...groups].flatMap(([what, commands]) => {
    const winners = commands.filter(({ requests }) => requests.some(succeeded));
    return winners.length > 1 ? `of those that expected ${what}, ${winners.length} succeeded` : [];
  });
};

/** What must be bounded is. */
export const bounded: Invariant = ({ gauges }) =>
  gauges.filter(({ highest, limit }) => highest > limit).map(({ name, highest, limit }) => `${name} rose to ${highest}, above ${limit}`);

/** Every request ends in time, and with a status unless the process that should answer was gone. While that stood still, no time counts. */
export const endsInTime: Invariant = ({ history, faults, starved = [], slackMs = SLACK_MS }) =>
  history.flatMap(({ kind, request_id, instance, started, ended, status }) => {
    const gone = faults.filter((fault) => fault.what === 'api' && isAt(fault, instance) && fault.from <= ended && started <= fault.to);
    const overlap = ({ from, to }: Span): number => Math.max(0, Math.min(to, ended) - Math.max(from, started));
    const lost = [...gone, ...starved].reduce((sum, span) => sum + overlap(span), 0);
    const took = Math.round(ended - started - lost);
    if (took > LIMITS.budgetMs + slackMs) return `the ${kind} ${request_id} took ${took} ms`;
    return status === null && gone.length === 0 ? `the ${kind} ${request_id} was cut off although nobody killed the process` : [];
  });

const isAt = (fault: Fault, instance: string | undefined): boolean => fault.instance === undefined || fault.instance === instance;

/** Soon after a fault is gone all is well again, and while nothing is broken nothing is refused for want of it. */
export const heals: Invariant = ({ history, faults, starved = [], slackMs = SLACK_MS }) => {
  const healMs = LIMITS.healMs + slackMs;
  const writes = history.filter(({ method }) => method !== 'GET');
  // Without Redis, NATS or workers nothing is refused.
  const calm = calmOf([...faults.filter(({ what }) => what === 'api' || what === 'store' || what === 'writes'), ...starved], healMs);
  const late = faults.flatMap(({ what, to }) => {
    const after = writes.filter(({ started, ended }) => started >= to && ended <= to + healMs);
    const again = [...faults, ...starved].some((other) => other.to > to && other.from < to + LIMITS.healMs);
    return after.length > 0 && !again && !after.some(succeeded)
      ? `no change succeeded within ${LIMITS.healMs} ms after the ${what} was back`
      : [];
  });
  const refused = history
    .filter(({ status, code, started, ended }) => (status === 503 || code === 'outcome-unknown') && calm(started, ended))
    .map(({ kind, request_id, code }) => `the ${kind} ${request_id} was answered ${code} while nothing was broken`);
  return [...late, ...refused];
};

/** Alive is not ready; not ready without the store; ready but degraded without Redis or NATS; and all of it said in time. */
export const healthIsTrue: Invariant = ({ history, probes, faults, starved = [], slackMs = SLACK_MS }) => {
  const [noticeMs, healMs] = [LIMITS.noticeMs + slackMs, LIMITS.healMs + slackMs];
  const calm = calmOf(faults, healMs);
  const during =
    (...whats: Fault['what'][]) =>
    ({ at, ended }: Probe): boolean =>
      faults.some(({ what, from, mending }) => whats.includes(what) && at > from + noticeMs && ended < mending);
  const [withoutStore, withoutHelper] = [during('store'), during('redis', 'nats')];
  const touched = ({ at, ended, instance }: Probe, ...whats: Fault['what'][]): boolean =>
    faults.some((fault) => whats.includes(fault.what) && isAt(fault, instance) && ended >= fault.from && at <= fault.to + healMs);
  // Liveness asks nobody: while that took long, or a request that succeeded, the machine had no time for us, and a check that times out is no lie.
  const lives = probes.filter(({ path }) => path === '/health/live');
  const unhindered = history.filter((one) => succeeded(one) && calm(one.started, one.ended));
  const requests = unhindered.map(({ started, ended }) => ({ at: started, ended }));
  const slow = (times: { at: number; ended: number }[], most: number) => times.filter(({ at, ended }) => ended - at > most);
  const busy = slow([...lives, ...requests], LIMITS.busyMs);
  // Redis is given up much sooner than anything else, and for longer; a relay that lags has lost time before.
  const busyForRedis = slow(lives, LIMITS.cacheMs);
  const isStarved = ({ at, ended, unwell }: Probe): boolean => {
    if (starved.some(({ from, to }) => from <= ended && to >= at - LIMITS.healMs)) return true;
    const times = unwell === 'cache unavailable' ? busyForRedis : busy;
    const around = { 'cache unavailable': LIMITS.noticeMs, 'events lagging': LIMITS.healMs }[unwell ?? ''] ?? LIMITS.busyMs;
    return times.some((one) => one.at <= ended + around && one.ended >= at - around);
  };
  return probes.flatMap((probe) => {
    const { at, ended, path, status, state, unwell } = probe;
    const said = [`${path} said ${status}`, state, unwell && `(${unwell})`].filter(Boolean).join(' ');
    if (touched(probe, 'api') || isStarved(probe)) return [];
    if (ended - at > noticeMs) return `${path} took ${Math.round(ended - at)} ms`;
    if (path === '/health/live') return status === 200 ? [] : `${said} while the process ran`;
    if (path === '/health/ready' && withoutStore(probe) && status === 200) return `${said} while the store was away`;
    if (path === '/health/ready' && status !== 200 && !touched(probe, 'store')) return `${said} although the store was there`;
    if (path === '/health' && withoutHelper(probe) && !touched(probe, 'store') && state !== 'degraded')
      return `${said} while Redis or NATS was away`;
    if (path === '/health' && calm(at, ended) && state !== 'ok') return `${said} while nothing was broken`;
    return [];
  });
};

/** No error but 503 with a problem and Retry-After. */
export const onlyHonestErrors: Invariant = ({ history }) =>
  history.flatMap(({ kind, request_id, status, code, retry_after }) => {
    if (status === null || status < 500) return [];
    return status === 503 && code !== null && retry_after !== null
      ? []
      : `the ${kind} ${request_id} was answered ${status} ${code ?? 'without a problem'}`;
  });

/** Whether nothing was broken in that time, nor just before. */
const calmOf =
  (faults: readonly Span[], healMs: number) =>
  (started: number, ended: number): boolean =>
    faults.every(({ from, to }) => ended < from || started > to + healMs);
