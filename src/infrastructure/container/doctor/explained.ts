import { explain } from '../../explain.ts';
import type { Place } from '../../place.ts';
import { type Finding, wrong } from './finding.ts';

/** Why a server cannot be worked with, in the words in which the start tells it. */
export const explained = (check: string, error: unknown, place: Place): Finding => {
  const { text } = explain(error, place);
  const end = text.indexOf(`(${place.setting}): `);
  const [found, mend] =
    end < 0 ? [text, 'look at its own log'] : [text.slice(0, end + place.setting.length + 2), text.slice(end + place.setting.length + 4)];
  return wrong(check, found, mend);
};
