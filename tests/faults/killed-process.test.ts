import { describe, it } from 'vitest';
import { until } from '../fixtures/until.ts';
import { hasPostgres, needsPostgres } from './needs.ts';
import { type FaultRig, long, underLoad } from './rig.ts';

const ROUNDS = long ? 100 : 2;

/** The service dies at the fail point, again and again, and is started again each time. */
const dies = (failpoint: (random: FaultRig['random']) => string) => () =>
  underLoad(async ({ random, start, kill, fault, child }) => {
    for (let round = 0; round < ROUNDS; round++) {
      await fault('api', async () => {
        await kill();
        await start(failpoint(random));
        await until('the process dies at the fail point', () => child().process.signalCode === 'SIGKILL');
        await start();
      });
    }
  });

describe.skipIf(!hasPostgres)(`the service is killed under load${needsPostgres}`, () => {
  it(
    'before the batch is sent: it is not there, and asked again it is done',
    dies(({ below }) => `batch.built=kill@${1 + below(50)}`),
  );
  it(
    'at any moment after the batch was sent',
    dies(({ below }) => `batch.sent=kill:${below(8)}@${1 + below(50)}`),
  );
  it(
    'after the commit, before anybody is answered',
    dies(({ below }) => `batch.committed=kill@${1 + below(50)}`),
  );
});
