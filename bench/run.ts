import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import os from 'node:os';
import process from 'node:process';
import { parseArgs } from 'node:util';
import pg from 'pg';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    connections: { type: 'string', default: '64' },
    only: { type: 'string', default: '' },
    database: { type: 'string', default: process.env.DATABASE_URL ?? 'postgresql://postgres@127.0.0.1:5432/postgres' },
  },
});
const rounds = Number(options.rounds);
const hasWrk = spawnSync('wrk', ['--version']).error === undefined;
const here = new URL('.', import.meta.url).pathname;

type Variant = 'ours' | 'validating' | 'twin' | 'bare';
type Scenario = { name: string; variants: Variant[]; connections: number; load: 'create' | 'change' | 'get' };

const many = Number(options.connections);
const all: Scenario[] = [
  { name: 'create', variants: ['ours', 'validating', 'twin'], connections: many, load: 'create' },
  { name: 'create, alone', variants: ['ours', 'twin'], connections: 1, load: 'create' },
  { name: 'change', variants: ['ours', 'validating', 'twin'], connections: many, load: 'change' },
  { name: 'get', variants: ['ours', 'bare', 'twin'], connections: many, load: 'get' },
];
const scenarios = all.filter(({ name }) => name.startsWith(options.only));

const start = async (variant: Variant, databaseUrl: string) => {
  const child = spawn(process.execPath, [`${here}server.ts`, variant === 'bare' ? 'ours' : variant], {
    env: { ...process.env, DATABASE_URL: databaseUrl },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const url = line.toString().trim();
  const users: string[] = [];
  for (let i = 0; i < 200; i++) {
    const body = JSON.stringify({ username: { first_name: 'John' }, email: `${randomBytes(8).toString('hex')}@example.com` });
    const answer = await fetch(`${url}/api/users`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    users.push(((await answer.json()) as { user_id: string }).user_id);
  }
  return {
    url,
    users,
    stop: async () => {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
};

/** Requests per second, from wrk or, where it is missing, autocannon. */
const measure = async (url: string, users: string[], { load, connections }: Scenario, variant: Variant): Promise<number> => {
  const path = load === 'get' ? `${variant === 'bare' ? '/bare' : '/api/users'}/${users[0]}` : '/';
  if (!hasWrk) return (await import('./autocannon.ts')).measure(url, path, users, load, connections, Number(options.seconds));
  const script = load === 'get' ? [] : ['-s', `${here}${load}.lua`];
  const args = [`-t${Math.min(2, connections)}`, `-c${connections}`, `-d${options.seconds}s`, ...script, `${url}${path}`];
  const output = execFileSync('wrk', args, { encoding: 'utf8', env: { ...process.env, BENCH_USERS: users.join(',') } });
  const failed = /Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1];
  if (failed) throw new Error(`${failed} requests of ${load} on ${variant} failed`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
};

const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

const bench = async (title: string, databaseUrl: string): Promise<void> => {
  process.stdout.write(
    `\n## ${title}\n\n| scenario | server | requests/s, median of ${rounds} | all rounds | ours / this |\n|---|---|---:|---|---:|\n`,
  );
  for (const scenario of scenarios) {
    const results = new Map<Variant, number[]>(scenario.variants.map((variant) => [variant, []]));
    // One at a time and in turn, so that what disturbs the machine disturbs all of them.
    for (let round = 0; round < rounds; round++) {
      for (const variant of scenario.variants) {
        const server = await start(variant, databaseUrl);
        results.get(variant)?.push(await measure(server.url, server.users, scenario, variant));
        await server.stop();
      }
    }
    const ours = median(results.get('ours') ?? []);
    for (const [variant, all] of results) {
      const row = [scenario.name, variant, Math.round(median(all)), all.map(Math.round).join(' '), (ours / median(all)).toFixed(2)];
      process.stdout.write(`| ${row.join(' | ')} |\n`);
    }
  }
};

const postgres = async (): Promise<void> => {
  const admin = new pg.Client({ connectionString: options.database, connectionTimeoutMillis: 2000 });
  const reachable = await admin.connect().then(
    () => true,
    () => false,
  );
  if (!reachable) return void process.stdout.write('\nPostgreSQL: none at --database; not measured.\n');
  const name = `lumin_bench_${randomBytes(4).toString('hex')}`;
  const { rows } = await admin.query<{ server_version: string }>('show server_version');
  await admin.query(`create database ${name}`);
  const url = new URL(options.database);
  url.pathname = `/${name}`;
  try {
    await bench(`PostgreSQL ${rows[0]?.server_version}`, url.href);
  } finally {
    await admin.query(`drop database ${name} with (force)`);
    await admin.end();
  }
};

const [cpu] = os.cpus();
process.stdout.write(
  `# Benchmark\n\n${os.cpus().length} × ${cpu?.model}, ${Math.round(os.totalmem() / 2 ** 30)} GB, ${os.type()} ${os.release()}, Node ${process.version}, ` +
    `load from ${hasWrk ? 'wrk' : 'autocannon'} on the same machine, ${options.seconds} s a run.\n`,
);
await bench('PGlite', 'pglite://memory');
await postgres();
