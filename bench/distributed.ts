import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import pg from 'pg';
import { pino } from 'pino';
import { cloudEvent } from '../src/application/feed/cloud-event.ts';
import { UserId } from '../src/domain/value-objects/user-id.ts';
import { readConfig } from '../src/infrastructure/container/config.ts';
import { buildApp } from '../src/infrastructure/container/container.ts';
import { roleNamed } from '../src/infrastructure/container/role.ts';
import { openDatabase } from '../src/infrastructure/persistence/database/open-database.ts';
import { eventFeed } from '../src/infrastructure/persistence/log/event-feed.ts';

/** What only many processes do: publishing the log, and writing from two of them. Needs PostgreSQL, NATS and wrk. */
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    events: { type: 'string', default: '30000' },
    rate: { type: 'string', default: '2000' },
    only: { type: 'string', default: '' },
    database: { type: 'string', default: process.env.DATABASE_URL ?? 'postgresql://postgres@127.0.0.1:5432/postgres' },
    nats: { type: 'string', default: process.env.NATS_URL ?? 'nats://127.0.0.1:4222' },
  },
});
const rounds = Number(options.rounds);
const main = new URL('../src/main.ts', import.meta.url).pathname;
const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const admin = new pg.Client({ connectionString: options.database });
await admin.connect();
const client = await connect({ servers: new URL(options.nats).host });
const manager = await jetstreamManager(client);

/** A database, a stream and subjects that nobody else has, for as long as `use` takes. */
const apart = async (use: (env: Record<string, string>) => Promise<void>): Promise<void> => {
  const name = `lumin_bench_${randomBytes(4).toString('hex')}`;
  await admin.query(`create database ${name}`);
  const url = new URL(options.database);
  url.pathname = `/${name}`;
  try {
    await use({
      APP_ENV: 'test',
      LOG_LEVEL: 'error',
      DATABASE_URL: url.href,
      NATS_URL: options.nats,
      NATS_STREAM: name,
      NATS_SUBJECT_PREFIX: name,
    });
  } finally {
    for (const stream of [name, `${name}-tasks`]) await manager.streams.delete(stream).catch(() => {});
    await admin.query(`drop database ${name} with (force)`);
  }
};

/** The service as a process; without an address for workers. */
const start = async (role: string, env: Record<string, string>) => {
  const child = spawn(process.execPath, [main, role], {
    env: { ...process.env, PORT: '0', ...env },
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const url = / on (http:\S+)/.exec(line.toString())?.[1] ?? '';
  while (url && !(await fetch(`${url}/health/ready`)).ok) await sleep(20);
  return {
    url,
    stop: async (): Promise<void> => {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
};

const api = async (env: Record<string, string>) => {
  const config = readConfig(env);
  const app = await buildApp(config, pino({ level: 'silent' }), { role: roleNamed('api', config) });
  await app.start();
  while (app.state() === 'starting') await sleep(10);
  const create = () =>
    app.execute({
      command: 'create',
      user_id: UserId(randomUUID()),
      input: { username: { first_name: 'John', last_name: 'Doe' }, email: `${randomUUID()}@example.com`, language_code: 'en' },
      actor: null,
      correlation_id: null,
    });
  return { create, stop: () => app.stop() };
};

/** Events of a log that is there already, per second. */
const backlog = (): Promise<void> =>
  apart(async (env) => {
    const count = Number(options.events);
    const { create, stop } = await api(env);
    for (let done = 0; done < count; done += 1_000) await Promise.all(Array.from({ length: 1_000 }, create));
    await stop();
    const stream = env.NATS_STREAM as string;
    const published = async (): Promise<number> => (await manager.streams.info(stream).catch(() => null))?.state.messages ?? 0;

    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      await manager.streams.delete(stream).catch(() => {});
      const worker = await start('worker:outbox', env);
      while ((await published()) === 0) await sleep(5);
      const began = performance.now();
      const before = await published();
      while ((await published()) < count) await sleep(20);
      ours.push((count - before) / ((performance.now() - began) / 1000));
      await worker.stop();
      theirs.push(await oneByOne(env, Math.ceil(count / 10)));
    }
    say(
      `| a backlog of ${count} events | ${Math.round(median(ours))} events/s | one by one ${Math.round(median(theirs))} | ${(median(ours) / median(theirs)).toFixed(1)} | ${ours.map(Math.round).join(' ')} |`,
    );
  });

/** What one would write first: read a page, publish each event and wait for its ack, save the place. */
const oneByOne = async (env: Record<string, string>, count: number): Promise<number> => {
  const twin = `${env.NATS_STREAM}-twin`;
  await manager.streams.add({ name: twin, subjects: [`${twin}.>`] });
  const database = await openDatabase(readConfig(env).DATABASE_URL, 2);
  const feed = eventFeed(database, 'omit');
  const began = performance.now();
  let position = 0;
  while (position < count) {
    for (const event of (await feed.read(position, 500)).events) {
      const body = cloudEvent(event);
      await jetstream(client).publish(`${twin}.${body.subject}`, JSON.stringify(body), { msgID: body.id });
      position = event.position;
    }
    await database.query('update checkpoints set position = position where name = $1', ['relay']);
  }
  const took = performance.now() - began;
  await database.close();
  await manager.streams.delete(twin);
  return position / (took / 1000);
};

/** From a command's moment to the hands of a consumer, at a steady rate. */
const lag = (): Promise<void> =>
  apart(async (env) => {
    const worker = await start('worker:outbox', env);
    const { create, stop } = await api(env);
    await create();
    const stream = env.NATS_STREAM as string;
    while (!((await manager.streams.info(stream).catch(() => null))?.state.messages ?? 0)) await sleep(20);
    await manager.consumers.add(stream, { durable_name: 'lag', ack_policy: AckPolicy.None, deliver_policy: DeliverPolicy.New });
    const messages = await (await jetstream(client).consumers.get(stream, 'lag')).consume({ max_messages: 5_000 });
    const lags: number[] = [];
    const reading = (async () => {
      for await (const message of messages) lags.push(Date.now() - Date.parse(message.json<{ time: string }>().time));
    })();
    const perTick = Math.round(Number(options.rate) / 100);
    const total = Number(options.rate) * Number(options.seconds) * 2;
    const commits: number[] = [];
    const timed = async (): Promise<void> => {
      const began = performance.now();
      await create();
      commits.push(performance.now() - began);
    };
    const commands: Promise<unknown>[] = [];
    for (const began = performance.now(); commands.length < total; await sleep(2)) {
      const due = Math.floor((performance.now() - began) / 10) * perTick;
      while (commands.length < Math.min(due, total)) commands.push(timed());
    }
    await Promise.all(commands);
    while (lags.length < total) await sleep(20);
    // The first second is the compiler's.
    for (const all of [lags, commits]) all.splice(0, Number(options.rate));
    await messages.close();
    await reading;
    const at = (share: number, of = lags): number => Math.round(of.toSorted((a, b) => a - b)[Math.floor(of.length * share)] ?? Number.NaN);
    say(
      `| lag at ${options.rate} events/s, ${total} events | p50 ${at(0.5)} ms, p99 ${at(0.99)} ms | of it the commit: p50 ${at(0.5, commits)} ms, p99 ${at(0.99, commits)} ms | | |`,
    );
    await stop();
    await worker.stop();
  });

const wrk = async (urls: string[], connections: number): Promise<number> => {
  const script = new URL('./create.lua', import.meta.url).pathname;
  const outputs = await Promise.all(
    urls.map(async (url) => {
      const child = spawn('wrk', [`-t1`, `-c${connections / urls.length}`, `-d${options.seconds}s`, '-s', script, url], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, BENCH_RUN: `.${randomBytes(4).toString('hex')}` },
      });
      let text = '';
      child.stdout.on('data', (data) => {
        text += data;
      });
      await once(child, 'close');
      return text;
    }),
  );
  if (outputs.some((text) => text.includes('Non-2xx'))) throw new Error('requests failed');
  return outputs.reduce((sum, text) => sum + Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]), 0);
};

/** Creates per second of two API processes together, against one alone with as many connections. */
const replicas = (): Promise<void> =>
  apart(async (env) => {
    const alone: number[] = [];
    const together: number[] = [];
    const [one, two] = [await start('api', env), await start('api', env)];
    for (let round = 0; round < rounds; round++) {
      alone.push(await wrk([one.url], 64));
      together.push(await wrk([one.url, two.url], 64));
    }
    await one.stop();
    await two.stop();
    say(
      `| two API processes create | ${Math.round(median(together))} requests/s | one alone ${Math.round(median(alone))} | ${(median(together) / median(alone)).toFixed(2)} | ${together.map(Math.round).join(' ')} / ${alone.map(Math.round).join(' ')} |`,
    );
  });

say(`| measured | ours | compared with | ratio | all rounds |\n|---|---:|---:|---:|---|`);
for (const measurement of [backlog, lag, replicas]) if (measurement.name.startsWith(options.only)) await measurement();
await client.close();
await admin.end();
