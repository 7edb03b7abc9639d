import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidConfig, readConfig } from './infrastructure/container/config.ts';
import { buildApp, NotReady } from './infrastructure/container/container.ts';
import { logger } from './infrastructure/container/logger.ts';
import { FolderInUse } from './infrastructure/persistence/folder-lock.ts';
import { buildServer } from './presentation/api/server.ts';

const DRAIN_MS = 10_000;
const GRACE_MS = 500;

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

const main = async (): Promise<void> => {
  if (existsSync('.env')) process.loadEnvFile('.env');
  const config = readConfig(process.env);
  const log = await logger(config, process.stdout.isTTY);
  const app = await buildApp(config, log);
  const server = await buildServer(app, { log, version, allowedOrigins: config.ALLOWED_ORIGINS, newRequestId: randomUUID });
  await app.start();
  // Our own line below says it, readably.
  const { level } = log;
  log.level = 'warn';
  const address = await server.listen({ host: config.HOST, port: config.PORT });
  log.level = level;

  const line = `Lumin User Service ${version} on ${address} - docs ${address}/docs - data in ${app.location}`;
  if (config.APP_ENV === 'production') log.info(line);
  else process.stdout.write(`${line}\n`);
  if (config.AUTH_MODE === 'off-behind-gateway') log.warn('AUTH_MODE=off-behind-gateway: whoever reaches this port may do everything');
  for (const name of ['REDIS_URL', 'NATS_URL'] as const) if (config[name]) log.warn(`${name} is set; this version does not use it yet`);

  const stop = async (signal: string): Promise<void> => {
    process.once(signal, () => process.exit(1));
    app.beginStop();
    setTimeout(() => process.exit(1), DRAIN_MS).unref();
    // Answers now tell clients to close their connections, so that none is cut just as it sends its next request.
    await sleep(GRACE_MS);
    await server.close();
    await app.stop();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => void stop(signal));
};

main().catch((error) => {
  // One clear line per mistake for what the operator can mend; a stack only for what is ours.
  const lines = error instanceof InvalidConfig ? error.mistakes : [explain(error)];
  for (const line of lines) process.stderr.write(`lumin: ${line}\n`);
  process.exit(1);
});

const UNUSABLE_HOST = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EADDRNOTAVAIL']);
const UNUSABLE_FOLDER = new Set(['ENOTDIR', 'EEXIST', 'EACCES', 'EPERM', 'EROFS', 'ENOSPC']);

const explain = (error: NodeJS.ErrnoException): string => {
  if (error instanceof FolderInUse || error instanceof NotReady) return error.message;
  if (error.code === 'EADDRINUSE') return `PORT ${process.env.PORT ?? 8000} is in use; stop the other process or set PORT`;
  if (UNUSABLE_HOST.has(error.code ?? '')) return `HOST ${process.env.HOST} cannot be listened on (${error.code})`;
  if (UNUSABLE_FOLDER.has(error.code ?? '')) return `the data folder in DATABASE_URL cannot be used (${error.code})`;
  return error.stack ?? String(error);
};
