import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decisionOf } from '../../src/application/commands/command.ts';
import { type CommandName, commandNamed } from '../../src/application/commands/index.ts';
import { record } from '../../src/domain/aggregates/aggregate-root.ts';
import { foldUser, type User, uniqueKeys } from '../../src/domain/aggregates/user.ts';
import type { RecordedUserEvent, UserEvent } from '../../src/domain/events/user-events.ts';
import { Problem } from '../../src/domain/problem.ts';
import { InvalidValue } from '../../src/domain/value-objects/value-object.ts';
import { NOW } from '../fixtures/given.ts';

const text = fc.oneof(fc.constantFrom('Ann', 'Bob', 'x', '', ' a', '\u0000'), fc.string({ unit: 'binary', maxLength: 5 }));
const email = fc.constantFrom('a@x.io', 'A@x.io', 'b@x.io', 'no address');
const phone = fc.constantFrom('+79991234567', '+7 999 123 45 68', '123');
const time = fc.integer({ min: -2, max: 30 }).map((hours) => new Date(NOW.getTime() + hours * 3_600_000).toISOString());
const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 4 });
const only = (arbitrary: fc.Arbitrary<unknown>, key: string) => arbitrary.map((value) => ({ [key]: value }));

/** For every command, inputs of the right shape, some with a wrong value; a new command without them does not compile. */
const inputs: Record<CommandName, fc.Arbitrary<unknown>> = {
  create: fc.record(
    { username: fc.record({ first_name: text, last_name: orNull(text) }), email: orNull(email), phone: orNull(phone), bio: orNull(text) },
    { requiredKeys: ['username'] },
  ),
  update: fc.record(
    {
      username: fc.record({ first_name: text, last_name: orNull(text) }, { requiredKeys: [] }),
      email: orNull(email),
      phone: orNull(phone),
      bio: orNull(text),
      privacy_settings: fc.record({ show_email: fc.boolean() }, { requiredKeys: [] }),
    },
    { requiredKeys: [] },
  ),
  change_username: fc.record({ first_name: text, last_name: orNull(text) }, { requiredKeys: [] }),
  change_email: only(orNull(email), 'new_email'),
  change_phone: only(orNull(phone), 'new_phone'),
  change_avatar_url: only(orNull(fc.constantFrom('https://x.io/a', 'https://x.io/b', 'http://x.io')), 'new_avatar_url'),
  change_bio: only(orNull(text), 'new_bio'),
  change_date: only(orNull(fc.constantFrom('1990-05-21', '2026-11-24', '2026-02-30')), 'new_birth_date'),
  change_language_code: only(fc.constantFrom('en', 'de', 'pt-br', 'en_US'), 'new_language_code'),
  change_privacy_settings: fc.record(
    { profile_visibility: fc.constantFrom('everyone', 'users', 'nobody'), show_email: fc.boolean(), show_bio: fc.boolean() },
    { requiredKeys: [] },
  ),
  activate: fc.constant({}),
  deactivate: fc.constant({}),
  block: fc.record({ reason: orNull(fc.constantFrom('Spam', 'Fraud', '')), until: orNull(time) }, { requiredKeys: [] }),
  unblock: fc.constant({}),
  end_block: only(time, 'until'),
  record_profile_view: only(fc.uuid(), 'viewer_id'),
  delete: fc.constant({}),
};

type Step = { name: CommandName; input: unknown };
const stepOf = (names: CommandName[]): fc.Arbitrary<Step> =>
  fc.constantFrom(...names).chain((name) => inputs[name].map((input) => ({ name, input })));
const names = Object.keys(inputs) as CommandName[];
const anyStep = fc.oneof(
  { weight: 1, arbitrary: stepOf(names) },
  { weight: 8, arbitrary: stepOf(names.filter((name) => name !== 'delete' && name !== 'create')) },
);
const steps = fc
  .tuple(fc.record({ name: fc.constant<CommandName>('create'), input: inputs.create }), fc.array(anyStep, { maxLength: 25 }))
  .map(([first, rest]) => [first, ...rest]);

/** `ended` is the end of a block whose time was over, `own` what the command itself came to; both are among the `events`. */
type Taken = {
  step: Step;
  now: Date;
  before: User | null;
  ended: UserEvent[];
  own: UserEvent[];
  events: UserEvent[];
  recorded: RecordedUserEvent[];
  after: User | null;
  refused: boolean;
};

const nothing = { ended: [], own: [] };

/** Runs the commands on one user, an hour apart. What is refused with a problem or a wrong value changes nothing; any other error is a bug. */
const run = (all: readonly Step[]): Taken[] => {
  let user: User | null = null;
  return all.map((step, index) => {
    const now = new Date(NOW.getTime() + index * 3_600_000);
    const before = user;
    let decision: ReturnType<typeof decisionOf> | null = null;
    try {
      decision = decisionOf(commandNamed(step.name), before, step.input, { now });
    } catch (error) {
      if (!(error instanceof Problem) && !(error instanceof InvalidValue)) throw error;
    }
    const { ended, own } = decision ?? nothing;
    const events = [...ended, ...own];
    const recorded = record(events, now.toISOString()) as RecordedUserEvent[];
    user = events.length > 0 ? foldUser(before, recorded) : before;
    return { step, now, before, ended, own, events, recorded, after: user, refused: decision === null };
  });
};

const everyStep = (check: (taken: Taken, history: readonly Taken[]) => void) =>
  fc.assert(
    fc.property(steps, (all) => {
      const history = run(all);
      for (const taken of history) check(taken, history);
    }),
    { numRuns: 300 },
  );

/** Every event by itself, with the states that it lies between. */
const everyChange = (check: (before: User | null, event: RecordedUserEvent, after: User) => void) =>
  everyStep(({ before, recorded, after }) => {
    if (recorded.length === 0) expect(after).toBe(before);
    recorded.reduce((user, event) => {
      const next = foldUser(user, [event]);
      check(user, event, next);
      return next;
    }, before);
  });

const historyOf = (taken: readonly Taken[]) => taken.flatMap(({ recorded }) => recorded);

describe('any sequence of commands on a user', () => {
  it('begins with UserCreated, has it once, and ends with UserDeleted if it has that', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const types = historyOf(run(all)).map(({ type }) => type as string);
        expect(types.filter((type) => type === 'UserCreated').length).toBe(types.length > 0 ? 1 : 0);
        if (types.length > 0) expect(types[0]).toBe('UserCreated');
        if (types.includes('UserDeleted')) expect(types.indexOf('UserDeleted')).toBe(types.length - 1);
      }),
    );
  });

  it('gives at most one event for each command, or for each field of an update, beside the end of a block whose time is over', () =>
    everyStep(({ own, ended, before, now, refused, step }) => {
      expect(own.length).toBeLessThanOrEqual(step.name === 'update' ? Object.keys(step.input as object).length : 1);
      expect(new Set(own.map(({ type }) => type)).size).toBe(own.length);
      const until = before?.blocked?.until ?? null;
      const over = until !== null && until <= now.toISOString() && !refused && step.name !== 'record_profile_view';
      expect(ended).toEqual(over ? [{ type: 'UserUnblocked', personal: {}, data: { ended_by: 'until' } }] : []);
    }));

  it('leaves no block standing whose time is over, once a command was taken', () =>
    everyStep(({ after, now, refused, step }) => {
      if (refused || step.name === 'record_profile_view') return;
      expect(Date.parse(after?.blocked?.until ?? '9999-12-31T23:59:59Z')).toBeGreaterThan(now.getTime());
    }));

  it('never leaves a live user without email address and phone number, or without a first name', () =>
    everyStep(({ after }) => {
      if (after === null || after.status === 'deleted') return;
      expect(after.email ?? after.phone).not.toBeNull();
      expect(after.username?.first_name).toMatch(/\S/u);
    }));

  it('makes only the legal changes of state', () =>
    everyChange((before, event, after) => {
      const from = before?.status ?? 'nobody';
      const to = after.status;
      const legal: Partial<Record<UserEvent['type'], [from: string[], to: string[]]>> = {
        UserCreated: [['nobody'], ['active']],
        UserActivated: [['inactive'], ['active']],
        UserDeactivated: [['active'], ['inactive']],
        UserBlocked: [['active', 'inactive', 'blocked'], ['blocked']],
        UserUnblocked: [['blocked'], [before?.blocked?.before ?? '']],
        UserDeleted: [['active', 'inactive', 'blocked'], ['deleted']],
      };
      const [froms, tos] = legal[event.type] ?? [['active', 'inactive'], [from]];
      expect(froms).toContain(from);
      expect(tos).toContain(to);
    }));

  it('shows a block exactly while the user is blocked', () =>
    everyStep(({ after }) => expect((after?.blocked ?? null) !== null).toBe(after?.status === 'blocked')));

  it('holds keys exactly for the contacts of a live user', () =>
    everyStep(({ after }) => {
      if (after === null) return;
      const { email_key, phone_key } = uniqueKeys(after);
      expect([email_key !== null, phone_key !== null]).toEqual([after.email !== null, after.phone !== null]);
      if (after.status === 'deleted') expect([email_key, phone_key]).toEqual([null, null]);
    }));

  it('changes nothing when a command that succeeded comes again at the same moment', () =>
    everyStep(({ step, after, events, recorded }) => {
      if (events.length === 0 || step.name === 'create') return;
      const now = new Date(recorded[0]?.at ?? '');
      expect(decisionOf(commandNamed(step.name), after, step.input, { now })).toEqual(nothing);
    }));

  it('gives an event only where the state changes', () =>
    everyChange((before, _, after) => {
      if (before === null) return;
      expect({ ...after, updated_at: '', blocked: { ...after.blocked, at: '' } }).not.toEqual({
        ...before,
        updated_at: '',
        blocked: { ...before.blocked, at: '' },
      });
    }));

  it('folds to the same user in one go, in two parts, and after a round trip through JSON', () => {
    fc.assert(
      fc.property(steps, fc.nat(), (all, cut) => {
        const history = historyOf(run(all));
        if (history.length === 0) return;
        const whole = foldUser(null, history);
        const at = 1 + (cut % history.length);
        expect(foldUser(foldUser(null, history.slice(0, at)), history.slice(at))).toEqual(whole);
        expect(foldUser(null, JSON.parse(JSON.stringify(history)) as RecordedUserEvent[])).toEqual(whole);
      }),
    );
  });

  it('folds without any personal part, to the same state, language and settings', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const history = historyOf(run(all));
        if (history.length === 0) return;
        const { status, language_code, privacy_settings, updated_at } = foldUser(null, history);
        const erased = foldUser(
          null,
          history.map((event) => ({ ...event, personal: {} }) as RecordedUserEvent),
        );
        expect(erased).toMatchObject({
          status,
          language_code,
          privacy_settings,
          updated_at,
          username: null,
          email: null,
          phone: null,
          bio: null,
        });
      }),
    );
  });
});
