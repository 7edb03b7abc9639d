import { describe, expect, it } from 'vitest';
import { after, both, changedProject } from '../fixtures/changed-project.ts';

/** What CONTRIBUTING says about a new command, tried on the real files with a made-up command `promote`. */
const { errors } = await changedProject({
  'the event': {
    'src/domain/events/user-events.ts': after('export type UserEvents = {', '\n  UserPromoted: { data: None; personal: None };'),
  },
  'the entry of the fold': {
    'src/domain/aggregates/user.ts': after(
      'const evolve: Evolve<User, UserEvents> = {',
      '\n  UserPromoted: (user, { at }) => ({ ...user, updated_at: at }),',
    ),
  },
  'the decision': {
    'src/domain/aggregates/user.ts': (text) =>
      `${text}\nexport const promote = (user: User | null): UserEvent[] => present(user) && event('UserPromoted', {}, {});\n`,
  },
  "the command's file": {
    'src/application/commands/promote.ts': () => `import { promote as decide } from '../../domain/aggregates/user.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** Promotes the user. */
export const promote = command({ input: field.closed({}), decide });
`,
  },
  'the line in the registry': {
    'src/application/commands/index.ts': both(
      after("import { endBlock } from './end-block.ts';", "\nimport { promote } from './promote.ts';"),
      after('export const commands = {', '\n  promote,'),
    ),
  },
  'the row of the route': {
    'src/presentation/api/commands/rows.ts': after("end_block: 'internal',", "\n  promote: 'internal',"),
  },
});

describe('adding a command', () => {
  it('compiles when it is added everywhere', () => {
    expect(errors()).toEqual([]);
  });

  it.each([
    ['the event', 'src/domain/aggregates/user.ts'],
    ['the entry of the fold', 'src/domain/aggregates/user.ts'],
    ['the decision', 'src/application/commands/promote.ts'],
    ["the command's file", 'src/application/commands/index.ts'],
    ['the line in the registry', 'src/presentation/api/commands/rows.ts'],
    ['the row of the route', 'src/presentation/api/commands/rows.ts'],
  ] as const)('does not compile when %s is forgotten: see %s', (forgotten, file) => {
    expect(
      errors(forgotten)
        .filter((error) => error.startsWith(`${file}(`))
        .join(),
    ).toMatch(/promote/i);
  });
});
