import { randomUUID } from 'node:crypto';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { commandNamed } from '../src/application/commands/index.ts';
import { foldUser } from '../src/domain/aggregates/user.ts';
import type { StoredUser } from '../src/domain/repositories/user-repository.ts';
import { readConfig } from '../src/infrastructure/container/config.ts';
import { buildApp } from '../src/infrastructure/container/container.ts';
import type { Api } from '../src/presentation/api/dependencies.ts';
import { buildServer } from '../src/presentation/api/server.ts';
import { twin } from './twin.ts';

/** One of the servers that are compared, chosen by the first argument; prints its address when it is ready. */
const variant = process.argv[2] ?? 'ours';
const config = readConfig({ ...process.env, LOG_LEVEL: 'error' });
const log = pino({ level: 'silent' });
const app = await buildApp(config, log);
await app.start();
while (app.state() === 'starting') await sleep(20);

/** The same routes with nothing behind them but the decision. */
const validating = (): Partial<Api> => {
  let last: StoredUser | null = null;
  return {
    execute: async ({ command, user_id, input }) => {
      const now = new Date();
      const before = command === 'create' ? null : (last?.user ?? null);
      const events = commandNamed(command).decide(before, input, { now });
      last = {
        user_id,
        version: 1,
        user: foldUser(
          before,
          events.map((event) => ({ ...event, at: now.toISOString() })),
        ),
      };
      return { user: last, replayed: false };
    },
  };
};

const straightforward = async (): Promise<Partial<Api>> => {
  const { execute, find } = await twin(config.DATABASE_URL, config.DATABASE_POOL_SIZE + config.DATABASE_MAX_OVERFLOW);
  return { execute: async (request) => ({ user: await execute(request), replayed: false }), getById: find };
};

const replacements: Record<string, () => Partial<Api> | Promise<Partial<Api>>> = { ours: () => ({}), validating, twin: straightforward };
const replaced = await replacements[variant]?.();
const server = await buildServer({ ...app, ...replaced } as Api, {
  log,
  version: 'bench',
  allowedOrigins: [],
  newRequestId: randomUUID,
});

// The least that a GET can cost: the same bytes, always.
let bytes: Buffer | null = null;
server.get<{ Params: { user_id: string } }>('/bare/:user_id', async (request, reply) => {
  bytes ??= Buffer.from((await server.inject(`/api/users/${request.params.user_id}`)).payload);
  return reply.type('application/json; charset=utf-8').send(bytes);
});

process.stdout.write(`${await server.listen({ host: '127.0.0.1', port: 0 })}\n`);
process.once('SIGTERM', () => process.exit(0));
