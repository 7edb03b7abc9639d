import { randomBytes } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Child, killNine, listening, startMain } from '../fixtures/child.ts';
import { anyStore, type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { aUser, created } from '../fixtures/http.ts';
import { startService } from '../fixtures/http-service.ts';
import { type ReceivedSpan, startReceiver } from '../fixtures/otlp-receiver.ts';
import { freePort } from '../fixtures/own-servers.ts';
import { until } from '../fixtures/until.ts';

type Receiver = Awaited<ReturnType<typeof startReceiver>>;

/** A caller's trace: its id, the caller's span, and the header that names both. */
const aTrace = (flags: '01' | '00' = '01') => {
  const [id, span] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { id, span, header: { traceparent: `00-${id}-${span}-${flags}` } };
};

const load = `import{registerHooks}from'node:module';registerHooks({load:(url,context,next)=>{if(url.includes('opentelemetry'))process.stderr.write('loaded '+url+'\\n');return(next(url,context))}})`;
/** Lets a process of ours say which modules of OpenTelemetry it loads. */
const TELL_MODULES = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(load)}` };

const natsUrl = inject('natsUrl');
const postgres = storeKinds().filter(({ name }) => name.startsWith('PostgreSQL'));
const needed = natsUrl === null ? ' [needs NATS: set TEST_NATS_URL or install it]' : '';

describe.each(postgres)(`the trace of a request, through one process of each role on $name and NATS${needed}`, ({ available, make }) => {
  const all = available && natsUrl !== null;
  const test = it.skipIf(!all);
  const own = `t${randomBytes(5).toString('hex')}`;
  const messages: Msg[] = [];
  let receiver: Receiver;
  let store: Store;
  let nats: NatsConnection;
  let processes: Child[] = [];
  let api: string;

  const send = async (method: string, path: string, body?: object, headers: Record<string, string> = {}) => {
    const json = { 'content-type': 'application/json', ...headers };
    const answer = await fetch(`${api}${path}`, { method, headers: body ? json : headers, ...(body && { body: JSON.stringify(body) }) });
    return { status: answer.status, body: answer.status === 204 ? null : ((await answer.json()) as any) };
  };
  const creation = async (headers = {}): Promise<string> => (await send('POST', '/api/users', aUser(), headers)).body.user_id;
  const spansOf = ({ id }: { id: string }): ReceivedSpan[] => receiver.spans.filter(({ traceId }) => traceId === id);
  const arrival = (trace: { id: string }, name: string): Promise<ReceivedSpan> =>
    until(`the span ${name} arrives`, () => spansOf(trace).find((span) => span.name === name));
  /** From the caller's own span down to this one: `role name`. */
  const wayTo = (span: ReceivedSpan): string[] => {
    const parent = receiver.spans.find(({ spanId }) => spanId === span.parentSpanId);
    return [...(parent ? wayTo(parent) : [span.parentSpanId]), `${span.resource['lumin.role']} ${span.name}`];
  };

  beforeAll(async () => {
    if (!all) return;
    [receiver, store, nats] = await Promise.all([startReceiver(), make(), connect({ servers: new URL(natsUrl ?? '').host })]);
    nats.subscribe(`${own}.>`, { callback: (_, message) => void messages.push(message) });
    const env = {
      DATABASE_URL: store.url,
      NATS_URL: natsUrl ?? '',
      NATS_STREAM: own,
      NATS_SUBJECT_PREFIX: own,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      ...TELL_MODULES,
    };
    processes = ['api', 'worker:tasks', 'worker:outbox'].map((role) => startMain(env, role));
    api = await listening(processes[0] as Child);
    await until('it is ready', async () => (await send('GET', '/health/ready')).status === 200);
  });
  afterAll(async () => {
    if (!all) return;
    for (const { process } of processes) process.kill('SIGKILL');
    const { streams } = await jetstreamManager(nats);
    for (const name of [own, `${own}-tasks`]) await streams.delete(name).catch(() => {});
    await nats.close();
    await receiver.close();
    await store.drop();
  });

  test('goes on with that of the caller, through batch, statement, task and relay, and out to whoever reads the stream', async () => {
    const user = await creation();
    const trace = aTrace();
    const { status, body } = await send('PATCH', `/api/users/${user}/email`, { new_email: `${own}@example.com` }, trace.header);
    expect(status).toBe(202);

    const published = await arrival(trace, `publish ${own}.users.*.UserEmailChanged`);
    const called = await arrival(trace, `publish ${own}.tasks.run.change_email`);
    await until('every statement arrives', () => spansOf(trace).filter(({ name }) => name === 'SELECT append_v2').length === 2);
    const request = 'api PATCH /api/users/:user_id/email';
    const run = [trace.span, request, 'api append', 'worker:tasks task change_email'];
    const ways = spansOf(trace).map((span) => wayTo(span).join(' > '));
    expect(ways.toSorted()).toEqual(
      [
        [trace.span, request],
        [trace.span, request, 'api append'],
        [trace.span, request, 'api append', 'api batch'],
        [trace.span, request, 'api append', 'api batch', 'api SELECT users'],
        [trace.span, request, 'api append', 'api batch', 'api SELECT append_v2'],
        [trace.span, request, `api ${called.name}`],
        run,
        [...run, 'worker:tasks append'],
        [...run, 'worker:tasks append', 'worker:tasks batch'],
        [...run, 'worker:tasks append', 'worker:tasks batch', 'worker:tasks SELECT users'],
        [...run, 'worker:tasks append', 'worker:tasks batch', 'worker:tasks SELECT append_v2'],
        [...run, 'worker:tasks append', `worker:outbox ${published.name}`],
      ]
        .map((way) => way.join(' > '))
        .toSorted(),
    );
    expect((await arrival(trace, 'PATCH /api/users/:user_id/email')).attributes).toEqual({
      'http.request.method': 'PATCH',
      'http.route': '/api/users/:user_id/email',
      'http.response.status_code': 202,
    });
    expect(spansOf(trace).filter(({ failed }) => failed)).toEqual([]);

    const message = (subject: string) => messages.findLast((one) => one.subject === subject) as Msg;
    const event = message(`${own}.users.${user}.UserEmailChanged`);
    expect(event.headers?.get('traceparent')).toBe(`00-${trace.id}-${published.spanId}-01`);
    expect(message(`${own}.tasks.run.change_email`).headers?.get('traceparent')).toBe(`00-${trace.id}-${called.spanId}-01`);
    // The event itself names the change that it comes from, wherever it is read.
    const { items } = (await send('GET', `/api/users/${user}/events`)).body;
    expect(event.json<any>().traceparent).toBe(`00-${trace.id}-${published.parentSpanId}-01`);
    expect(items.at(-1)).toMatchObject({ traceparent: event.json<any>().traceparent, data: { changed: ['email'] } });
    expect(Object.keys(items.at(-1).data).sort()).toEqual(['changed', 'personal']);
    expect((await send('GET', `/api/users/tasks/${body.task_id}`)).body.status).toBe('succeeded');
  });

  test('is linked with those of the requests that were committed together with it', async () => {
    const traces = Array.from({ length: 32 }, () => aTrace());
    await Promise.all(traces.map(({ header }) => creation(header)));
    const appends = await Promise.all(traces.map((trace) => arrival(trace, 'append')));
    const batches = await until('their batches arrive', () => {
      const found = receiver.spans.filter(
        ({ name, parentSpanId }) => name === 'batch' && appends.some((one) => one.spanId === parentSpanId),
      );
      return found.reduce((sum, { attributes }) => sum + Number(attributes['lumin.batch.changes']), 0) === traces.length && found;
    });
    expect(batches.length).toBeLessThan(traces.length);
    const membersOf = batches.map(({ parentSpanId, links }) => [parentSpanId, ...links]);
    expect(membersOf.flat().toSorted()).toEqual(appends.map(({ spanId }) => spanId).toSorted());
    for (const [index, [, ...linked]] of membersOf.entries())
      for (const append of appends.filter(({ spanId }) => linked.includes(spanId))) expect(append.links).toEqual([batches[index]?.spanId]);
  });

  test('tells of a refusal by its code, and not as a failure', async () => {
    const trace = aTrace();
    const user = await creation();
    const { email } = (await send('GET', `/api/users/${await creation()}`)).body;
    const { status } = await send('PATCH', `/api/users/${user}/email`, { new_email: email }, { ...trace.header, prefer: 'wait=5' });
    expect(status).toBe(409);
    const append = await arrival(trace, 'append');
    expect([append.attributes, append.failed]).toEqual([{ 'error.type': 'email-taken' }, false]);
  });

  test('is not kept where the caller does not want it, nor of what machines ask all the time', async () => {
    const [unwanted, probe, last] = [aTrace('00'), aTrace(), aTrace()];
    const user = await creation(unwanted.header);
    await send('PATCH', `/api/users/${user}/bio`, { new_bio: 'x' }, { ...unwanted.header, prefer: 'respond-async' });
    const event = await until('the event is published', () =>
      messages.find(({ subject }) => subject === `${own}.users.${user}.UserBioChanged`),
    );
    expect([event.headers?.has('traceparent'), event.json<any>().traceparent]).toEqual([false, undefined]);
    for (const path of ['/health', '/health/ready', '/health/live']) await send('GET', path, undefined, probe.header);
    await creation(last.header);
    await arrival(last, `publish ${own}.users.*.UserCreated`);
    expect([...spansOf(unwanted), ...spansOf(probe)]).toEqual([]);
  });

  test('holds nothing personal and no id of a user, whatever is sent', async () => {
    const before = receiver.spans.length;
    const word = `canary${randomBytes(6).toString('hex')}`;
    const headers = { 'x-request-id': word, 'user-agent': word, 'idempotency-key': word, tracestate: `${word}=${word}` };
    const named = aUser({ username: { first_name: word, last_name: word }, email: `${word}@example.com`, bio: word });
    const user = (await send('POST', '/api/users', named, { ...headers, ...aTrace().header })).body.user_id;
    const at = `/api/users/${user}`;
    const changed = aTrace();
    await send('PATCH', `${at}/email?new_email=${word}.2@example.com`, undefined, changed.header);
    await arrival(changed, `publish ${own}.users.*.UserEmailChanged`);
    await send('POST', `${at}/block`, { reason: word });
    await send('PATCH', `${at}/bio`, { new_bio: word });
    await send('POST', `${at}/profile-views`, { viewer_id: await creation(), source: word });
    for (const path of [
      `/${word}`,
      `/api/users/${word}`,
      `/api/users?q=${word}&${word}=1`,
      `/problems/${word}`,
      `${at}/events?cursor=${word}`,
    ])
      await send('GET', path, undefined, { ...headers, traceparent: word }).catch(() => {});
    const last = aTrace();
    await creation(last.header);
    await arrival(last, `publish ${own}.users.*.UserCreated`);
    expect(receiver.spans.length - before).toBeGreaterThan(30);
    for (const secret of [word, user, 'example.com', '+7999']) expect(receiver.text()).not.toContain(secret);
  });
});

describe.concurrent('tracing', () => {
  it('that nobody wants loads no module of it, and writes and sends no trace of one', async () => {
    const [receiver, store] = await Promise.all([startReceiver(), anyStore()]);
    const env = { DATABASE_URL: store.url, ...TELL_MODULES };
    const use = async (child: Child) => {
      const api = await listening(child);
      const headers = { 'content-type': 'application/json', ...aTrace().header };
      const { user_id } = await until('a user is created', async () => {
        const answer = await fetch(`${api}/api/users`, { method: 'POST', headers, body: JSON.stringify(aUser()) });
        return answer.status === 201 && ((await answer.json()) as any);
      });
      const { items } = (await (await fetch(`${api}/api/users/${user_id}/events`)).json()) as any;
      return { traced: 'traceparent' in items[0], modules: /^loaded .*sdk-trace/m.test(child.stderr()) };
    };
    const [off, on] = [startMain(env), startMain({ ...env, OTEL_EXPORTER_OTLP_ENDPOINT: `${receiver.url}/` })];
    const seen = await Promise.all([off, on].map(use));
    await killNine(off);
    on.process.kill('SIGTERM');
    expect(await on.exited).toBe(0);
    expect(seen).toEqual([
      { traced: false, modules: false },
      { traced: true, modules: true },
    ]);
    // What was not sent yet is sent before the process ends.
    expect(receiver.spans.map(({ name }) => name)).toContain('GET /api/users/:user_id/events');
    await receiver.close();
    await store.drop();
  });

  it('to a collector that is away hurts no request, is reported once, and does not hold up the end', async () => {
    const store = await anyStore();
    const service = await startService(store.url, { env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` } });
    for (let count = 0; count < 20; count++) await created(service);
    const about = () => service.logs.filter((line) => line.includes('the collector takes no traces'));
    await until('it is reported', () => about().length > 0);
    await created(service);
    const started = performance.now();
    await service.stop();
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(about()).toHaveLength(1);
    expect(service.logs.some((line) => JSON.parse(line).trace_id?.length === 32)).toBe(true);
    await store.drop();
  });
});
