import { describe, expect, it } from 'vitest';
import { type CommandName, commandNamed, commands } from '../../src/application/commands/index.ts';
import { fieldErrors, validator } from '../../src/presentation/api/http/validation.ts';
import { NOW, TOMORROW } from '../fixtures/given.ts';

const ajv = validator(() => NOW);
const accepts = (name: CommandName, input: unknown) => ajv.validate(commandNamed(name).input, input);

const username = { first_name: 'John' };
const nothing = [{}];
const viewer_id = '6ba7b810-9dad-41d1-80b4-00c04fd430c8';

/** Of every command, inputs that fit its schema. */
const good: Record<CommandName, unknown[]> = {
  create: [
    { username },
    { username: { ...username, last_name: null }, user_id: null, email: null, phone: null, language_code: null, avatar_url: null },
    { username, bio: null, birth_date: null, privacy_settings: null },
    { username, privacy_settings: {}, user_id: '550E8400-e29b-41d4-a716-446655440000' },
  ],
  update: [
    {},
    { username: {} },
    { username: { last_name: null }, email: null, phone: '+7 999 123-45-67', avatar_url: null, bio: null, birth_date: null },
    { language_code: 'pt-BR', privacy_settings: {} },
    { privacy_settings: { show_email: true } },
  ],
  change_username: [{ first_name: 'A' }, { last_name: 'A' }, { last_name: null }, { first_name: 'A', last_name: 'B' }],
  change_email: [{ new_email: 'a@x.io' }, { new_email: null }],
  change_phone: [{ new_phone: '+7 999 123-45-67' }, { new_phone: null }],
  change_avatar_url: [{ new_avatar_url: 'https://x.io/' }, { new_avatar_url: null }],
  change_bio: [{ new_bio: 'Hi' }, { new_bio: null }],
  change_date: [{ new_birth_date: '2026-11-24' }, { new_birth_date: null }],
  change_language_code: [{ new_language_code: 'pt-BR' }],
  change_privacy_settings: [{ profile_visibility: 'nobody' }, { show_email: true, allow_search: false }],
  activate: nothing,
  deactivate: nothing,
  block: [{}, { reason: 'Spam' }, { until: TOMORROW }, { reason: null, until: null }],
  unblock: nothing,
  end_block: [{ until: TOMORROW }],
  record_profile_view: [{ viewer_id }, { viewer_id, source: 'search' }, { viewer_id, source: null }],
  delete: nothing,
};

/** Inputs that do not: above all null where it clears nothing, and values of another type. */
const bad: Partial<Record<CommandName, unknown[]>> = {
  create: [
    {},
    { username: null },
    { username: {} },
    { username: { first_name: null } },
    { username: { first_name: 5 } },
    { username: { first_name: ['John'] } },
    { username: 'John' },
    { username, role: 'admin' },
    { username, status: 'active' },
    { username, version: 1 },
    { username: { ...username, middle_name: 'X' } },
    { username, privacy_settings: { constructor: true } },
    { username, email: 'no address' },
    { username, user_id: 'x' },
  ],
  update: [
    { username: null },
    { username: { first_name: null } },
    { username: 'John' },
    { language_code: null },
    { privacy_settings: null },
    { privacy_settings: { show_email: null } },
    { user_id: '550e8400-e29b-41d4-a716-446655440000' },
    { status: 'blocked' },
    { new_bio: 'Hi' },
    { bio: '' },
    [],
    null,
  ],
  change_username: [{}, { first_name: null }, { first_name: '' }, { first_name: true }],
  change_email: [{}, { new_email: '' }, { new_email: 1 }, { email: 'a@x.io' }],
  change_phone: [{}, { new_phone: '' }, { new_phone: 79991234567 }],
  change_avatar_url: [{}, { new_avatar_url: '' }],
  change_bio: [{}, { new_bio: '' }],
  change_date: [{}, { new_birth_date: '2026-11-25' }, { new_birth_date: 1990 }],
  change_language_code: [{}, { new_language_code: null }],
  change_privacy_settings: [
    {},
    { show_email: null },
    { show_email: 'true' },
    { show_email: 1 },
    { profile_visibility: null },
    { profile_visibility: 'friends' },
  ],
  block: [{ reason: '' }, { until: '' }, { until: 'tomorrow' }, { until: 0 }],
  end_block: [{}],
  record_profile_view: [
    {},
    { viewer_id: null },
    { viewer_id: 'x' },
    { viewer_id, source: '' },
    { viewer_id, source: 'From <b>' },
    { viewer_id, source: 'x'.repeat(51) },
  ],
};

const rows = (table: Partial<Record<CommandName, unknown[]>>) =>
  Object.entries(table).flatMap(([name, inputs]) => inputs.map((input) => [name as CommandName, input] as const));

describe('the input of a command', () => {
  it.each(rows(good))('%s takes %j', (name, input) => expect(accepts(name, input)).toBe(true));
  it.each(rows(bad))('%s does not take %j', (name, input) => expect(accepts(name, input)).toBe(false));
  it.each(Object.keys(commands) as CommandName[])('%s takes no unknown field and nothing but an object', (name) => {
    expect(accepts(name, { ...(good[name][0] as object), unknown: 1 })).toBe(false);
    for (const input of [null, [], 'x', 5, true]) expect(accepts(name, input)).toBe(false);
  });

  it('is refused for a date to come by the clock that is given, and so says the reason', () => {
    const early = new Date('2000-02-29T23:59:59.999Z');
    const validate = validator(() => early).compile(commandNamed('change_date').input);
    expect(validate({ new_birth_date: '2000-02-29' })).toBe(true);
    expect(validate({ new_birth_date: '2000-03-01' })).toBe(false);
    expect(fieldErrors(validate.errors as never, early)).toEqual([
      { pointer: '/new_birth_date', code: 'date-in-future', detail: 'must not be in the future' },
    ]);
  });
});
