import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { commands, isCommandName } from '../../src/application/commands/index.ts';

const filesIn = (folder: string) => readdirSync(new URL(folder, import.meta.url)).sort();
const notCommands = ['command.ts', 'fields.ts', 'index.ts'];
const commandFiles = filesIn('../../src/application/commands')
  .filter((file) => !notCommands.includes(file))
  .map((file) => file.replace('.ts', ''));

describe('the registry of commands', () => {
  it.each(commandFiles)('holds the command of %s.ts under the name of its file', async (file) => {
    const name = file.replaceAll('-', '_');
    const module: object = await import(`../../src/application/commands/${file}.ts`);
    expect(isCommandName(name)).toBe(true);
    expect(Object.values(module)).toEqual([commands[name as keyof typeof commands]]);
  });

  it('holds no other', () => expect(Object.keys(commands)).toHaveLength(commandFiles.length));

  it('has a test file for each', () => {
    expect(filesIn('./commands')).toEqual(commandFiles.map((file) => `${file}.test.ts`));
  });

  it('is not fooled by names that every object has', () => {
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty', '', 'CREATE']) expect(isCommandName(name)).toBe(false);
  });
});
