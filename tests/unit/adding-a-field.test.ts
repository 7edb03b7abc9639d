import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { after, both, changedProject, type Edit, type Step } from '../fixtures/changed-project.ts';
import { root } from '../fixtures/child.ts';
import { eventsPageMistakes } from '../fixtures/events-page.ts';
import { foldMistake, goldenFolds, readGolden } from '../fixtures/golden.ts';

/**
 * What CONTRIBUTING says about a new field, tried on the real files: users get a made-up personal field `nickname`, once with
 * every step and once without each. Nothing of it is written into the project.
 */
const DOMAIN = 'src/domain';
const USER = `${DOMAIN}/aggregates/user.ts`;
const EVENTS = `${DOMAIN}/events/user-events.ts`;
const CREATE = 'src/application/commands/create.ts';
const UPDATE = 'src/application/commands/update.ts';
const FIELDS = 'src/application/commands/fields.ts';
const REGISTRY = 'src/application/commands/index.ts';
const ROWS = 'src/presentation/api/commands/rows.ts';
const INPUT_FORMATS = 'src/presentation/api/schemas/input-formats.ts';
const EVENT_SCHEMA = 'src/presentation/api/schemas/event.ts';
const USER_SCHEMA = 'src/presentation/api/schemas/user.ts';
const PROFILE_SCHEMA = 'src/presentation/api/schemas/profile.ts';

/** Replaces the one place where `before` stands. */
const instead =
  (before: string, now: string): Edit =>
  (text) => {
    if (text.split(before).length !== 2) throw new Error(`not exactly once in the file: ${before}`);
    return text.replace(before, () => now);
  };

/** Records by command, by event and by field in tests: each names the file that misses its line. */
const inTests: Step = {
  'tests/unit/state-table.test.ts': after(
    "  ...edit('change_bio', { new_bio: 'Hi' }, 'UserBioChanged'),",
    "\n  ...edit('change_nickname', { new_nickname: 'Johnny' }, 'UserNicknameChanged'),",
  ),
  'tests/unit/random-histories.test.ts': after(
    "  change_bio: only(orNull(text), 'new_bio'),",
    "\n  change_nickname: only(orNull(text), 'new_nickname'),",
  ),
  'tests/unit/fold.test.ts': both(
    after(
      '  UserActivated: activated as never,',
      "\n  UserNicknameChanged: { type: 'UserNicknameChanged', data: {}, personal: { nickname: 'Johnny' } },",
    ),
    after("  bio: 'Builds bridges.',", "\n  nickname: 'Johnny',"),
  ),
  'tests/fixtures/http.ts': after("  change_bio: { new_bio: 'Builds bridges.' },", "\n  change_nickname: { new_nickname: 'Johnny' },"),
  'tests/fixtures/bad-values.ts': after("  change_username: 'none',", "\n  change_nickname: { field: 'nickname', bad: ['', 'a\\u0000'] },"),
  'tests/fixtures/any-command.ts': after('    activate: [', "request('activate', id, {})],\n    change_nickname: ["),
  'tests/integration/logs.test.ts': both(
    after("    bio: 'Canarybio',", "\n    nickname: 'Canarynick',"),
    after("    bio: 'Canarypatched',", "\n    nickname: 'Canarypatchednick',"),
    after("  change_bio: { new_bio: 'Canaryquery' },", "\n  change_nickname: { new_nickname: 'Canarynicked' },"),
  ),
  'tests/integration/golden-events.test.ts': after("  bio: 'Builds bridges.',\n", "  nickname: 'Johnny',\n"),
};

const steps = {
  'the value object': {
    [`${DOMAIN}/value-objects/nickname.ts`]: () => `import { Line } from './text-rules.ts';

export const Nickname = (text: string): string => Line(text, 50);
`,
  },
  'the format': {
    [FIELDS]: both(
      after(
        "import { NAME_LENGTH, NamePart } from '../../domain/value-objects/username.ts';",
        "\nimport { Nickname } from '../../domain/value-objects/nickname.ts';",
      ),
      after("  'person-name': NamePart,", '\n  nickname: Nickname,'),
    ),
  },
  'the words on the format': { [INPUT_FORMATS]: after("  date: { format: 'date' },", '\n  nickname: { minLength: 1 },') },
  'the schema of the field': {
    [FIELDS]: after(
      "export const lastName = text('person-name', 'Family name.', 'Doe', NAME_LENGTH);",
      "\nexport const nickname = text('nickname', 'What friends say.', 'Johnny', 50);",
    ),
  },
  'the field of UserCreated': { [EVENTS]: after('      birth_date?: string;', '\n      nickname?: string;') },
  'the event': {
    [EVENTS]: after(
      '  UserActivated: { data: None; personal: None };',
      '\n  UserNicknameChanged: { data: None; personal: { nickname: string | null } };',
    ),
  },
  'the field of nobody': { [USER]: after('bio: null, birth_date: null', ', nickname: null') },
  'the entry of the fold': {
    [USER]: after(
      'const evolve: Evolve<User, UserEvents> = {',
      '\n  UserNicknameChanged: (user, { personal, at }) => ({ ...user, nickname: personal.nickname ?? null, updated_at: at }),',
    ),
  },
  'the decision': {
    [USER]: after(
      '// Decisions: state and checked values in, events out. An empty list means that nothing happens.',
      `

export const changeNickname = (user: User | null, nickname: string | null): UserEvent[] =>
  fieldChanges.nickname(editable(user), nickname);`,
    ),
  },
  'the change of the field': {
    [USER]: after(
      "  bio: (user, bio) => (user.bio === bio ? [] : event('UserBioChanged', { bio }, {})),",
      "\n  nickname: (user, nickname) => (user.nickname === nickname ? [] : event('UserNicknameChanged', { nickname }, {})),",
    ),
  },
  'the new USER_FOLD': { [USER]: (text) => text.replace(/(USER_FOLD = )(\d+)/, (_, name, fold) => `${name}${Number(fold) + 1}`) },
  'the schema in create': {
    [CREATE]: after(
      '  birth_date: field.optional(field.orNull(field.birthDate)),',
      '\n  nickname: field.optional(field.orNull(field.nickname)),',
    ),
  },
  'the value in create': {
    [CREATE]: both(
      after(
        "import { Bio } from '../../domain/value-objects/bio.ts';",
        "\nimport { Nickname } from '../../domain/value-objects/nickname.ts';",
      ),
      after('      bio: given(input.bio, Bio),', '\n      nickname: given(input.nickname, Nickname),'),
    ),
  },
  'the schema in update': {
    [UPDATE]: after(
      '  birth_date: field.optional(field.orNull(field.birthDate)),',
      '\n  nickname: field.optional(field.orNull(field.nickname)),',
    ),
  },
  'the value in update': {
    [UPDATE]: both(
      after(
        "import { Bio } from '../../domain/value-objects/bio.ts';",
        "\nimport { Nickname } from '../../domain/value-objects/nickname.ts';",
      ),
      after('      bio: changed(input.bio, Bio),', '\n      nickname: changed(input.nickname, Nickname),'),
    ),
  },
  "the command's file": {
    'src/application/commands/change-nickname.ts': () => `import { changeNickname as decide } from '../../domain/aggregates/user.ts';
import { Nickname } from '../../domain/value-objects/nickname.ts';
import { command } from './command.ts';
import * as field from './fields.ts';

/** Changes the nickname; null clears it. */
export const changeNickname = command({
  input: field.closed({ new_nickname: field.orNull(field.nickname) }),
  decide: (user, { new_nickname }) => decide(user, new_nickname === null ? null : Nickname(new_nickname)),
});
`,
  },
  'the line in the registry': {
    [REGISTRY]: both(
      after("import { changePhone } from './change-phone.ts';", "\nimport { changeNickname } from './change-nickname.ts';"),
      after('export const commands = {', '\n  change_nickname: changeNickname,'),
    ),
  },
  'the row of the route': {
    [ROWS]: after(
      "  end_block: 'internal',",
      "\n  change_nickname: change('nickname', 'Change the nickname', { new_nickname: 'Johnny' }),",
    ),
  },
  'the schema of the user': {
    [USER_SCHEMA]: after(
      '  privacy_settings: privacySettings,',
      "\n    nickname: orNull(Type.String({ description: 'What friends say.' })),",
    ),
  },
  'the schema of the event': {
    [EVENT_SCHEMA]: both(
      after('personal: { username, email, phone, avatar_url, bio, birth_date', ', nickname: userFields.nickname'),
      after(
        '  UserBioChanged: { data: {}, personal: { bio } },',
        '\n  UserNicknameChanged: { data: {}, personal: { nickname: userFields.nickname } },',
      ),
    ),
  },
  'the view of the user': { [USER_SCHEMA]: after('  birth_date: user.birth_date,', '\n  nickname: user.nickname,') },
  'the word on profiles': {
    [`${DOMAIN}/entities/profile.ts`]: instead(
      '    bio: owner || privacy.show_bio ? bio : null,',
      '    bio: owner || privacy.show_bio ? bio : null,\n    nickname: user.nickname,',
    ),
  },
  'the schema of the profile': {
    [PROFILE_SCHEMA]: after(
      "    language_code: Type.String({ description: 'BCP 47.' }),",
      "\n    nickname: orNull(Type.String({ description: 'What friends say.' })),",
    ),
  },
  'the lists of the tests': inTests,
} satisfies Record<string, Step>;
type StepName = keyof typeof steps;

/** Where the compiler says that the step was forgotten. */
const missedBy: Record<StepName, string[]> = {
  'the new USER_FOLD': [USER],
  'the value object': [FIELDS],
  'the format': [FIELDS],
  'the words on the format': [INPUT_FORMATS],
  'the schema of the field': [CREATE],
  'the field of UserCreated': [USER],
  'the event': [USER],
  'the field of nobody': [USER],
  'the entry of the fold': [USER],
  'the decision': ['src/application/commands/change-nickname.ts'],
  'the schema in create': [CREATE],
  'the value in create': [CREATE],
  'the change of the field': [USER],
  'the schema in update': [UPDATE],
  'the value in update': [UPDATE],
  "the command's file": [REGISTRY],
  'the line in the registry': [ROWS],
  'the row of the route': [ROWS],
  'the schema of the user': [USER_SCHEMA],
  'the schema of the event': [EVENT_SCHEMA],
  'the view of the user': [USER_SCHEMA],
  'the word on profiles': [`${DOMAIN}/entities/profile.ts`],
  'the schema of the profile': [PROFILE_SCHEMA],
  'the lists of the tests': Object.keys(inTests),
};

describe('adding a personal field', () => {
  let project: ReturnType<typeof changedProject<StepName>>;
  beforeAll(() => {
    project = changedProject<StepName>(steps, missedBy);
  });

  it('compiles when every step is made', () => expect(project.errors()).toEqual([]));

  it.each((Object.keys(steps) as StepName[]).filter((name) => name !== 'the new USER_FOLD'))(
    'does not compile when %s is forgotten',
    (forgotten) => {
      const errors = project.errors(forgotten).filter((error) => /nickname/i.test(error));
      for (const file of missedBy[forgotten]) expect(errors).toContainEqual(expect.stringContaining(file));
    },
  );

  it.each([
    ['is forgotten, and the golden file says so', 'the new USER_FOLD' as const, /raise USER_FOLD/],
    ['is there, and what older folds wrote is read as it was', undefined, /^null$/],
  ])('the new USER_FOLD %s', async (_, forgotten, said) => {
    const folder = mkdtempSync(join(tmpdir(), 'lumin-field-'));
    try {
      cpSync(join(root, DOMAIN), join(folder, DOMAIN), { recursive: true });
      symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
      for (const file of [USER, `${DOMAIN}/value-objects/nickname.ts`]) writeFileSync(join(folder, file), project.text(file, forgotten));
      const present = await import(/* @vite-ignore */ join(folder, USER));
      const mistakes = goldenFolds().map((fold) => foldMistake(present, { fold, events: readGolden(fold) }));
      expect(String(mistakes.find((mistake) => mistake !== null) ?? null)).toMatch(said);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is missed in docs/events.md', () => {
    const page = readFileSync(join(root, 'docs/events.md'), 'utf8');
    const nickname = { data: [], personal: ['nickname'] };
    const mistakes = eventsPageMistakes(page, { UserCreated: nickname, UserNicknameChanged: nickname });
    expect(mistakes).toEqual(
      expect.arrayContaining(['the row of UserCreated lacks the personal nickname', 'UserNicknameChanged has no row']),
    );
  });
});
