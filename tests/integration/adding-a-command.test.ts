import ts from 'typescript';
import { describe, expect, it } from 'vitest';

/**
 * What CONTRIBUTING says about a new command, tried on the real files: a made-up command `promote` is added in memory,
 * once with every place and once without each. Nothing is written.
 */
const root = new URL('../../', import.meta.url).pathname;

type Edit = (text: string) => string;
/** Where to add what, and the file that does not compile without it. */
type Place = { file: string; edit: Edit; missedBy: string };

/** Puts `added` after the one place where `anchor` stands. */
const after =
  (anchor: string, added: string): Edit =>
  (text) => {
    if (text.split(anchor).length !== 2) throw new Error(`not exactly once in the file: ${anchor}`);
    return text.replace(anchor, () => anchor + added);
  };
const both =
  (one: Edit, other: Edit): Edit =>
  (text) =>
    other(one(text));

const places = {
  'the event': {
    file: 'src/domain/events/user-events.ts',
    edit: after('export type UserEvents = {', '\n  UserPromoted: { data: None; personal: None };'),
    missedBy: 'src/domain/aggregates/user.ts',
  },
  'the entry of the fold': {
    file: 'src/domain/aggregates/user.ts',
    edit: after('const evolve: Evolve<User, UserEvents> = {', '\n  UserPromoted: (user, { at }) => ({ ...user, updated_at: at }),'),
    missedBy: 'src/domain/aggregates/user.ts',
  },
  'the decision': {
    file: 'src/domain/aggregates/user.ts',
    edit: (text) => `${text}\nexport const promote = (user: User | null): UserEvent[] => present(user) && event('UserPromoted', {}, {});\n`,
    missedBy: 'src/application/commands/promote.ts',
  },
  "the command's file": {
    file: 'src/application/commands/promote.ts',
    edit: () => `import { promote as decide } from '../../domain/aggregates/user.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** Promotes the user. */
export const promote = command({ input: field.closed({}), decide });
`,
    missedBy: 'src/application/commands/index.ts',
  },
  'the line in the registry': {
    file: 'src/application/commands/index.ts',
    edit: both(
      after("import { endBlock } from './end-block.ts';", "\nimport { promote } from './promote.ts';"),
      after('export const commands = {', '\n  promote,'),
    ),
    missedBy: 'src/presentation/api/commands/rows.ts',
  },
  'the row of the route': {
    file: 'src/presentation/api/commands/rows.ts',
    edit: after("end_block: 'internal',", "\n  promote: 'internal',"),
    missedBy: 'src/presentation/api/commands/rows.ts',
  },
} satisfies Record<string, Place>;
type PlaceName = keyof typeof places;
const placeNames = Object.keys(places) as PlaceName[];

const { config } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile);
const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, root);
const declarations = fileNames.filter((path) => path.startsWith(`${root}src/`) && path.endsWith('.d.ts'));

const once = <T>(look: (path: string) => T): ((path: string) => T) => {
  const seen = new Map<string, T>();
  return (path) => {
    if (!seen.has(path)) seen.set(path, look(path));
    return seen.get(path) as T;
  };
};
/** The disk, looked at once for all programs. */
const disk = ts.createCompilerHost(options);
disk.fileExists = once(disk.fileExists);
disk.readFile = once(disk.readFile);
disk.realpath = once(disk.realpath ?? ((path) => path));
disk.directoryExists = once(disk.directoryExists ?? (() => true));
const parsed = new Map<string, ts.SourceFile | undefined>();

/** What the compiler says about these files when the command is added in these places only. */
const errorsIn = (files: readonly string[], names: readonly PlaceName[]): string[] => {
  const edited = new Map<string, string>();
  for (const { file, edit } of names.map((name): Place => places[name])) {
    const path = root + file;
    edited.set(path, edit(edited.get(path) ?? ts.sys.readFile(path) ?? ''));
  }
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (path) => edited.has(path) || disk.fileExists(path),
    getSourceFile: (path, how) => {
      const text = edited.get(path);
      if (text !== undefined) return ts.createSourceFile(path, text, how, true);
      if (!parsed.has(path)) parsed.set(path, disk.getSourceFile(path, how));
      return parsed.get(path);
    },
  };
  const roots = files.map((file) => root + file);
  // Routes are typed with what the server's plugins add to the framework.
  if (files.some((file) => file.startsWith('src/presentation/'))) roots.push(`${root}src/main.ts`);
  const program = ts.createProgram([...roots, ...declarations], options, host);
  return files
    .map((file) => program.getSourceFile(root + file))
    .flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
    .map(({ file, messageText }) => `${file?.fileName.slice(root.length)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
};

describe('adding a command', () => {
  it('compiles when it is added everywhere', () => {
    const files = Object.values(places).flatMap(({ file, missedBy }) => [file, missedBy]);
    expect(errorsIn([...new Set(files)], placeNames)).toEqual([]);
  });

  it.each(placeNames)('does not compile when %s is forgotten', (forgotten) => {
    const rest = placeNames.filter((name) => name !== forgotten);
    expect(errorsIn([places[forgotten].missedBy], rest).join('\n')).toMatch(/promote/i);
  });
});
