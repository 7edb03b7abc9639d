import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { InvalidConfig } from './config.ts';
import { rememberFromFile } from './from-file.ts';
import { misspelt } from './misspelt.ts';

/** As Node reads it: a value in quotes may go over several lines; a quote that is never closed is a part of the value. */
const SETTING = /^[^\S\n]*(?:export +)?[A-Za-z_][\w.-]*[^\S\n]*=[^\S\n]*(?:(["'`]).*?\1)?[^\n]*\n?/s;
const EMPTY = /^[^\S\n]*(?:#[^\n]*)?(?:\n|$)/;
const LINE = /^[^\n]*\n?/;
const NOT_UTF8 = '\ufffd';
const MOST_TOLD = 5;

/**
 * Gives variables that are not set the values of the file .env, if there is one, however an editor saved it: with a byte-order
 * mark, as UTF-16, with carriage returns.
 * @returns lines on what in it is no setting, and on variables that nobody reads, for people
 * @throws InvalidConfig
 */
export const loadEnvFile = (env: NodeJS.ProcessEnv, file = '.env'): string[] => {
  const text = read(file);
  const written = parseEnv(text);
  const names = Object.keys(written);
  const told = misspelt(
    names,
    Object.keys(env).filter((name) => !names.includes(name)),
    file,
  );
  const settings = Object.entries(written).filter(([name]) => env[name] === undefined);
  for (const [name, value] of settings) env[name] = value;
  rememberFromFile(
    env,
    settings.map(([name]) => name),
  );
  const lines = linesWithoutSetting(text);
  if (lines.length === 0) return told;
  const more = lines.length > MOST_TOLD ? ' and more' : '';
  return [
    `${file}, line ${lines.slice(0, MOST_TOLD).join(', ')}${more}: not a setting of the form NAME=value in UTF-8; it is ignored`,
    ...told,
  ];
};

const read = (file: string): string => {
  try {
    const bytes = readFileSync(file);
    const mark = bytes.subarray(0, 2).toString('hex');
    const encoding = { fffe: 'utf-16le', feff: 'utf-16be' }[mark] ?? 'utf-8';
    return new TextDecoder(encoding).decode(bytes).replace(/\r\n?/g, '\n');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return '';
    throw new InvalidConfig([`${file} cannot be read (${code})`]);
  }
};

const linesWithoutSetting = (text: string): number[] => {
  const found: number[] = [];
  let number = 1;
  for (let rest = text; rest !== ''; ) {
    const known = (SETTING.exec(rest) ?? EMPTY.exec(rest))?.[0];
    const piece = known ?? LINE.exec(rest)?.[0] ?? rest;
    if (known === undefined || known.includes(NOT_UTF8)) found.push(number);
    number += piece.split('\n').length - 1;
    rest = rest.slice(piece.length);
  }
  return found;
};
