import { createServer } from 'node:net';
import type { Config } from '../config.ts';
import { type Finding, ok, wrong } from './finding.ts';

const ASK_MS = 2_000;
const PORTS = ['PORT', 'METRICS_PORT'] as const;

/** Whether the service can listen there, or does already. */
export const portsOf = async (config: Config): Promise<Finding[]> =>
  (
    await Promise.all(
      PORTS.map(async (name) => {
        const port = config[name];
        return port === null || port === 0 ? [] : [await portOf(name, config.HOST === 'localhost' ? '127.0.0.1' : config.HOST, port)];
      }),
    )
  ).flat();

const portOf = async (name: (typeof PORTS)[number], host: string, port: number): Promise<Finding> => {
  const check = name === 'PORT' ? 'port' : 'metrics port';
  const code = await listenError(host, port);
  if (code === null) return ok(check, `${port} is free`);
  if (code === 'EADDRINUSE') {
    const ours = await ourService(host, port, name);
    if (ours !== null) return ok(check, `${port} is held by ${ours}`);
    return wrong(check, `${port} is taken by another program`, `set ${name} to another one; ss -ltnp 'sport = :${port}' names the program`);
  }
  if (code === 'EACCES') return wrong(check, `${port} is not for this user (${code})`, `set ${name} to one above 1023`);
  return wrong(
    'host',
    `HOST ${host} cannot be listened on (${code})`,
    'set HOST to an address of this machine: 127.0.0.1, or 0.0.0.0 for all of them',
  );
};

/** Null where it can be listened on. */
const listenError = (host: string, port: number): Promise<string | null> =>
  new Promise((done) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => done(null)));
  });

/** What we are called there, if it is us. */
const ourService = async (host: string, port: number, name: (typeof PORTS)[number]): Promise<string | null> => {
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[host] ?? (host.includes(':') ? `[${host}]` : host);
  const ask = (path: string): Promise<Response> => fetch(`http://${reachable}:${port}${path}`, { signal: AbortSignal.timeout(ASK_MS) });
  try {
    if (name === 'METRICS_PORT') return (await (await ask('/metrics')).text()).includes('lumin_build_info') ? 'our own service' : null;
    const { info } = (await (await ask('/openapi.json')).json()) as { info: { title: string; version: string } };
    if (!info.title.startsWith('Lumin')) return null;
    const ready = await ask('/health/ready');
    const { code } = ready.ok ? { code: 'ready' } : ((await ready.json()) as { code: string });
    return `our own service, ${info.title} ${info.version} (${code})`;
  } catch {
    return null;
  }
};
