import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { failureOf, type StoreFailure } from './database.ts';
import { makeOnlyPrivateFiles } from './private-files.ts';

const INT8 = 20;

export type Call = { id: number } & (
  | { call: 'query'; text: string; values: unknown[] }
  | { call: 'migrate'; direction: 'up' | 'down' | 'status' }
  | { call: 'close' }
);
export type Reply = { id: number; value?: unknown; failure?: Pick<StoreFailure, 'kind' | 'sqlstate' | 'constraint'>; error?: unknown };

makeOnlyPrivateFiles();
const pglite = await PGlite.create({ ...(workerData !== null && { dataDir: workerData as string }), parsers: { [INT8]: Number } });

const answer = async (message: Call): Promise<unknown> => {
  switch (message.call) {
    case 'query':
      return (await pglite.query(message.text, message.values)).rows;
    case 'migrate': {
      const [{ migrate }, { PGliteDialect }] = await Promise.all([import('./migrator.ts'), import('kysely')]);
      return migrate(new PGliteDialect({ pglite }), message.direction);
    }
    case 'close':
      return pglite.close();
  }
};

parentPort?.on('message', async (message: Call) => {
  const { id } = message;
  try {
    parentPort?.postMessage({ id, value: await answer(message) } satisfies Reply);
  } catch (error) {
    const { kind, sqlstate, constraint } = failureOf(error);
    parentPort?.postMessage({
      id,
      ...(message.call === 'query' ? { failure: { kind, sqlstate, constraint } } : { error }),
    } satisfies Reply);
  }
});
parentPort?.postMessage({ id: 0 } satisfies Reply);
