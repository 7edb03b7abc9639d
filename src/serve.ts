import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type AddressInfo, isIPv6 } from 'node:net';
import process from 'node:process';
import { isatty } from 'node:tty';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { serveCommands } from './cli/socket/server.ts';
import type { Config } from './infrastructure/container/config.ts';
import { type App, buildApp } from './infrastructure/container/container.ts';
import { knownHosts } from './infrastructure/container/known-hosts.ts';
import { logger } from './infrastructure/container/logger.ts';
import { rereadEnvFile } from './infrastructure/container/reread-env-file.ts';
import type { Role } from './infrastructure/container/role.ts';
import { buildMetricsServer } from './presentation/api/metrics-server.ts';
import { drainable } from './presentation/api/operations/drain.ts';
import { buildServer } from './presentation/api/server.ts';
import { buildWorkerServer } from './presentation/api/worker-server.ts';

/** Whatever is not done by then is given up. Longer than the longest request. */
const STOP_MS = 10_000;
const ORPHAN_POLL_MS = 250;
/** Connections that may wait to be taken in. Those beyond believe that they are connected, and are cut off when the port is closed. */
const BACKLOG = 4_096;

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/**
 * Runs one role until it is told to stop. `environment` is what was there before the file .env was read; `onSignal` is called with what is
 * to be done at a signal from now on.
 */
export const serve = async (
  config: Config,
  role: Role,
  environment: NodeJS.ProcessEnv,
  onSignal: (stop: (signal: NodeJS.Signals) => void) => void,
): Promise<void> => {
  const log = await logger(config, process.stdout.isTTY);
  /** What a person reads who has started it; in production a line of the log. */
  const tell = (line: string): void => {
    if (config.APP_ENV === 'production') log.info(line);
    else process.stdout.write(`${line}\n`);
  };
  const app = await buildApp(config, log, { role, version });
  const { server, metrics } = await serversOf(role, app, config, log);
  const drain = server && drainable(server);
  await app.start();
  const endCommands = app.folder === null ? null : await serveCommands(app.folder, app.withStore, (text) => log.warn(text));
  let stopping = false;
  const end = (code: number, line: string): never => {
    tell(line);
    process.exit(code);
  };
  const stop = async (why: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    const started = performance.now();
    tell(`stopping (${why}): what is under way is finished, within ${STOP_MS / 1_000} seconds`);
    setTimeout(() => end(1, `stopped: what took longer than ${STOP_MS / 1_000} seconds was given up`), STOP_MS).unref();
    app.beginStop();
    // Requests may wait for tasks, so where there are both, requests come first.
    const [cut = 0] = await Promise.all([drain?.(), role.api ? null : app.stopWork(), endCommands?.()]);
    if (cut > 0) log.warn({ requests: cut }, 'requests were cut off, because they took too long');
    // What collects the metrics comes again; nobody waits for a connection that is silent.
    metrics?.server.close();
    metrics?.server.closeAllConnections();
    await app.stop();
    end(0, `stopped after ${((performance.now() - started) / 1_000).toFixed(1)} s`);
  };
  onSignal((signal) => (stopping ? end(1, 'stopped at once: it was told twice') : void stop(signal)));
  onOrphaned(() => void stop('the process that ran it has ended'));
  // A terminal sends it when it closes, perhaps twice; without one it is the operator's.
  const onTerminal = isatty(0);
  process.on('SIGHUP', () => (onTerminal ? void stop('SIGHUP') : reload(log, environment)));

  const address = server && (await listen(server, config.HOST, role.api ? config.PORT : (config.WORKER_PORT ?? 0), log));
  const metricsAddress = metrics && (await listen(metrics, config.HOST, config.METRICS_PORT ?? 0, log));

  const parts = [
    `Lumin User Service ${version}${role.name === 'all' ? '' : ` ${role.name}`}${address ? ` on ${address}` : ''}`,
    ...(role.api ? [`docs ${address}/docs`] : []),
    ...(metricsAddress ? [`metrics ${metricsAddress}/metrics`] : []),
    `data in ${app.location}`,
    ...app.without(),
  ];
  tell(parts.join(' - '));
  if (role.api && config.AUTH_MODE === 'off-behind-gateway')
    log.warn('AUTH_MODE=off-behind-gateway: whoever reaches this port may do everything');
};

/** Whoever has asked is answered, also where only errors are logged. */
const reload = (log: Logger, environment: NodeJS.ProcessEnv): void => {
  const { level, text } = rereadEnvFile(log.level, environment, process.env);
  log.level = 'info';
  log.info(text);
  log.level = level;
};

/** npm hands a signal to its shell, which hands it to nobody: it ends, and this process gets another parent. */
const onOrphaned = (call: () => void): void => {
  const { ppid } = process;
  if (process.env.npm_lifecycle_event === undefined) return;
  setInterval(() => process.ppid !== ppid && call(), ORPHAN_POLL_MS).unref();
};

type Servers = { server: FastifyInstance | null; metrics: FastifyInstance | null };

const serversOf = async (role: Role, app: App, config: Config, log: Logger): Promise<Servers> => {
  const metricsElsewhere = config.METRICS_PORT !== null;
  const options = { log, newRequestId: randomUUID, now: app.now, knownHosts: knownHosts(config), metricsElsewhere };
  const { ALLOWED_ORIGINS: allowedOrigins, PUBLIC_URL: publicUrl } = config;
  const metrics = metricsElsewhere ? await buildMetricsServer(app, options) : null;
  if (role.api) return { server: await buildServer(app, { ...options, version, allowedOrigins, publicUrl }), metrics };
  return { server: config.WORKER_PORT === null ? null : await buildWorkerServer(app, options), metrics };
};

/** The address that it listens on, with the port that it got; our own line says it, readably. */
const listen = async (server: FastifyInstance, host: string, port: number, log: Logger): Promise<string> => {
  const { level } = log;
  log.level = 'warn';
  // Of this name Fastify makes two servers and shows one: nobody would drain the other, or watch its sockets.
  const one = host === 'localhost' ? '127.0.0.1' : host;
  await server.listen({ host: one, port, backlog: BACKLOG });
  log.level = level;
  const { address, port: real } = server.server.address() as AddressInfo;
  return `http://${isIPv6(address) ? `[${address}]` : address}:${real}`;
};
