import { examine } from '../infrastructure/container/doctor/examine.ts';
import type { Finding } from '../infrastructure/container/doctor/finding.ts';
import type { CliContext } from './context.ts';

const SIGNS = { ok: '✔', wrong: '✗', unknown: '-' };

/** Everything that the service needs, what is wrong with it, and what mends it; exit code 1 where something is wrong. */
export const doctor = async (context: CliContext): Promise<void> => {
  const { env, terminal, write, paint } = context;
  const findings = await examine(env);
  const wrong = findings.filter(({ state }) => state === 'wrong').length;
  if (wrong > 0) context.fail();
  if (!terminal) {
    for (const finding of findings) write(JSON.stringify(finding));
    return;
  }
  const width = Math.max(...findings.map(({ check }) => check.length));
  for (const finding of findings) for (const line of lines(finding, width, context)) write(line);
  write(wrong === 0 ? paint.good('nothing is wrong') : paint.bad(`${wrong} of ${findings.length} checks found something wrong`));
};

const lines = ({ check, state, found, mend }: Finding, width: number, { paint, columns }: CliContext): string[] => {
  const room = Math.max(20, columns - width - 4);
  const sign = { ok: paint.good, wrong: paint.bad, unknown: paint.dim }[state](SIGNS[state]);
  const below = ' '.repeat(width + 4);
  const [first = '', ...rest] = wrapped(found, room);
  const shown = state === 'unknown' ? paint.dim : String;
  return [
    `${sign} ${check.padEnd(width)}  ${shown(first)}`,
    ...rest.map((line) => `${below}${shown(line)}`),
    ...(mend === null ? [] : wrapped(mend, room - 2).map((line, index) => `${below}${index === 0 ? '→' : ' '} ${line}`)),
  ];
};

/** Broken between words. A word that is longer stays whole, so that a path can be copied. */
export const wrapped = (text: string, width: number): string[] => {
  const broken: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      broken.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...broken, line];
};
