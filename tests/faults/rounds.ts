import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../fixtures/until.ts';
import { type FaultRig, long, underLoad } from './rig.ts';

export const ROUNDS = long ? 20 : 1;

export const again = (round: (rig: FaultRig) => Promise<void>) => async (rig: FaultRig) => {
  for (let count = 0; count < ROUNDS; count++) await round(rig);
};

type Path = '/health' | '/health/ready';

const tell = async ({ processes }: FaultRig, path: Path, well: boolean): Promise<void> => {
  for (const { api, instance } of processes) {
    if (!api) continue;
    await until(`${path} tells that all is ${well ? '' : 'not '}well`, async () => {
      const { status } = (await (await fetch(`${instance}${path}`)).json()) as { status: unknown };
      return (status === 'ok') === well;
    });
  }
};

/** How long a fault lasts after the clients noticed it: in a short run until every process tells of it. */
export const lasting = (rig: FaultRig, path: Path = '/health'): Promise<void> =>
  long ? sleep(rig.random.below(20_000)) : tell(rig, path, false);

/** Long enough for the promises about what comes after a fault to be put to the test; a short run waits until all is well. */
export const afterwards = (rig: FaultRig): Promise<void> => (long ? sleep(5_800) : tell(rig, '/health', true));

/** The database is taken away, noticed, and given back. */
export const away = (take: (rig: FaultRig) => unknown, give: (rig: FaultRig) => unknown) => () =>
  underLoad(
    again(async (rig) => {
      const broken = async (): Promise<void> => {
        await take(rig);
        await rig.answered('store-unavailable');
        await lasting(rig, '/health/ready');
      };
      await rig.fault('store', broken, () => give(rig));
      await afterwards(rig);
    }),
  );
