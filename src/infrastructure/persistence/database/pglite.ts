import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Database, StoreFailure } from './database.ts';
import { lockFolder } from './folder-lock.ts';
import type { Call, Reply } from './pglite-worker.ts';
import { closeToOthers, makePrivateFolder, usable } from './private-folder.ts';

type Pending = { resolve: (value: unknown) => void; reject: (error: unknown) => void };
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

/**
 * The embedded PostgreSQL: in memory, or in a folder that no other process has open. It runs in a thread of its own, so
 * that its work (it is WebAssembly, and blocks while it works) and a long query never hold up requests.
 * @throws UnusableFolder
 */
export const openPglite = async (folder: string | null, setting = 'DATABASE_URL'): Promise<Database> => {
  const say = (line: string): void => void process.stderr.write(`lumin: ${line}\n`);
  const path = folder === null ? null : makePrivateFolder(resolve(folder));
  const lock = path === null ? null : await usable(path, () => lockFolder(path, say));
  const mended = path === null ? null : closeToOthers(path);
  if (mended !== null) say(mended);

  const worker = new Worker(new URL('./pglite-worker.ts', import.meta.url), { workerData: path === null ? null : join(path, 'pg') });
  const pending = new Map<number, Pending>();
  let calls = 0;
  let gone = false;
  let closing = false;
  // Without its database the process is of no use: it ends, and whoever watches it starts it anew. What was acknowledged
  // is on disk. (An error of the worker's that nobody listens to ends the process as well.)
  const ended = (): void => {
    gone = true;
    for (const { reject } of pending.values()) reject(new StoreFailure('unknown'));
    pending.clear();
    if (!closing) throw new Error('the embedded database ended unexpectedly');
  };
  const begun = () => once(worker, 'message');
  await (path === null ? begun() : usable(path, begun));
  worker.on('message', ({ id, value, failure, error }: Reply) => {
    const call = pending.get(id);
    pending.delete(id);
    if (failure) call?.reject(new StoreFailure(failure.kind, failure.sqlstate, failure.constraint));
    else if (error) call?.reject(error);
    else call?.resolve(value);
  });
  worker.on('exit', ended);

  const ask = <T>(call: WithoutId<Call>): Promise<T> => {
    if (gone) return Promise.reject(new StoreFailure('unsent'));
    return new Promise<unknown>((resolve, reject) => {
      pending.set(++calls, { resolve, reject });
      worker.postMessage({ ...call, id: calls });
    }) as Promise<T>;
  };

  return {
    location: path ?? 'memory (gone when the process ends)',
    exclusive: true,
    place: { kind: 'PostgreSQL', at: 'the embedded database', user: 'postgres', database: 'postgres', setting },
    check: async () => {},
    query: (text, values = []) => ask({ call: 'query', text, values: [...values] }),
    ping: async () => {
      if (gone) throw new StoreFailure('unsent');
      // Nobody else can take its tables away.
      return true;
    },
    connections: () => null,
    migrate: (direction) => ask({ call: 'migrate', direction }),
    server: () => '',
    onOtherServer: () => {},
    beginStop: () => lock?.willUnlock(),
    async close() {
      closing = true;
      await ask({ call: 'close' });
      await worker.terminate();
      lock?.unlock();
    },
  };
};
