import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { type Config, InvalidConfig, readConfig } from './infrastructure/container/config.ts';
import { type App, buildApp, NotReady } from './infrastructure/container/container.ts';
import { loadEnvFile } from './infrastructure/container/env-file.ts';
import { logger } from './infrastructure/container/logger.ts';
import { type Role, roleNamed } from './infrastructure/container/role.ts';
import { FolderInUse } from './infrastructure/persistence/database/folder-lock.ts';
import { drainable } from './presentation/api/operations/drain.ts';
import { buildServer } from './presentation/api/server.ts';
import { buildWorkerServer } from './presentation/api/worker-server.ts';

/** Whatever is not done by then is given up. Longer than the longest request. */
const STOP_MS = 10_000;
const ORPHAN_POLL_MS = 250;
/** Connections that may wait to be taken in. Those beyond believe that they are connected, and are cut off when the port is closed. */
const BACKLOG = 4_096;

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

const main = async (): Promise<void> => {
  for (const line of loadEnvFile(process.env)) process.stderr.write(`lumin: ${line}\n`);
  const config = readConfig(process.env);
  const role = roleNamed(process.argv[2], config);
  const log = await logger(config, process.stdout.isTTY);
  const app = await buildApp(config, log, { role, version });
  const server = await serverOf(role, app, config, log);
  const drain = server && drainable(server);
  await app.start();
  let stopping = false;
  const stop = async (): Promise<void> => {
    stopping = true;
    setTimeout(() => process.exit(1), STOP_MS).unref();
    app.beginStop();
    // Requests may wait for tasks, so where there are both, requests come first.
    const [cut = 0] = await Promise.all([drain?.(), role.api ? null : app.stopWork()]);
    if (cut > 0) log.warn({ requests: cut }, 'requests were cut off, because they took too long');
    await app.stop();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => (stopping ? process.exit(1) : void stop()));
  onOrphaned(() => stopping || void stop());

  const address = server && (await listen(server, config.HOST, role.api ? config.PORT : (config.WORKER_PORT ?? 0), log));

  const name = role.name === 'all' ? '' : ` ${role.name}`;
  const where = role.api ? ` on ${address} - docs ${address}/docs` : address ? ` on ${address}` : '';
  const line = `Lumin User Service ${version}${name}${where} - data in ${app.location}`;
  if (config.APP_ENV === 'production') log.info(line);
  else process.stdout.write(`${line}\n`);
  if (role.api && config.AUTH_MODE === 'off-behind-gateway')
    log.warn('AUTH_MODE=off-behind-gateway: whoever reaches this port may do everything');
};

/** npm hands a signal to its shell, which hands it to nobody: it ends, and this process gets another parent. */
const onOrphaned = (call: () => void): void => {
  const { ppid } = process;
  if (process.env.npm_lifecycle_event === undefined) return;
  setInterval(() => process.ppid !== ppid && call(), ORPHAN_POLL_MS).unref();
};

const serverOf = async (role: Role, app: App, config: Config, log: Logger): Promise<FastifyInstance | null> => {
  const options = { log, newRequestId: randomUUID };
  if (role.api) return buildServer(app, { ...options, version, allowedOrigins: config.ALLOWED_ORIGINS, publicUrl: config.PUBLIC_URL });
  return config.WORKER_PORT === null ? null : buildWorkerServer(app, { ...options, now: app.now });
};

/** The address; our own line says it, readably. */
const listen = async (server: FastifyInstance, host: string, port: number, log: Logger): Promise<string> => {
  const { level } = log;
  log.level = 'warn';
  const address = await server.listen({ host, port, backlog: BACKLOG });
  log.level = level;
  return address;
};

main().catch((error) => {
  // One clear line per mistake for what the operator can mend; a stack only for what is ours.
  const lines = error instanceof InvalidConfig ? error.mistakes : [explain(error)];
  for (const line of lines) process.stderr.write(`lumin: ${line}\n`);
  process.exit(1);
});

const UNUSABLE_HOST = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EADDRNOTAVAIL']);
const UNUSABLE_FOLDER = new Set(['ENOTDIR', 'EEXIST', 'EACCES', 'EPERM', 'EROFS', 'ENOSPC']);

const explain = (error: NodeJS.ErrnoException & { port?: number }): string => {
  if (error instanceof FolderInUse || error instanceof NotReady) return error.message;
  if (error.code === 'EADDRINUSE') return `port ${error.port} is in use; stop the other process or set PORT (of a worker: WORKER_PORT)`;
  if (UNUSABLE_HOST.has(error.code ?? '')) return `HOST ${process.env.HOST} cannot be listened on (${error.code})`;
  if (UNUSABLE_FOLDER.has(error.code ?? '')) return `the data folder in DATABASE_URL cannot be used (${error.code})`;
  return error.stack ?? String(error);
};
