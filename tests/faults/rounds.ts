import { setTimeout as sleep } from 'node:timers/promises';
import { type FaultRig, long, underLoad } from './rig.ts';

export const ROUNDS = long ? 20 : 1;

export const again = (round: (rig: FaultRig) => Promise<void>) => async (rig: FaultRig) => {
  for (let count = 0; count < ROUNDS; count++) await round(rig);
};

/** How long a fault lasts after the clients noticed it: longer than readiness may take to notice. */
export const lasting = ({ random }: FaultRig): Promise<void> => sleep(long ? random.below(20_000) : 2_700);

/** Long enough for the promises about what comes after a fault to be put to the test. */
export const afterwards = (): Promise<void> => sleep(5_800);

/** The database is taken away, noticed, and given back. */
export const away = (take: (rig: FaultRig) => unknown, give: (rig: FaultRig) => unknown) => () =>
  underLoad(
    again(async (rig) => {
      const broken = async (): Promise<void> => {
        await take(rig);
        await rig.answered('store-unavailable');
        await lasting(rig);
      };
      await rig.fault('store', broken, () => give(rig));
      await afterwards();
    }),
  );
