import { describe, expect, it } from 'vitest';
import { commandNamed } from '../../src/application/commands/index.ts';
import { histories, type Step } from '../../src/cli/demo/histories.ts';
import { independent } from '../../src/cli/demo/live-through.ts';
import { cultures } from '../../src/cli/demo/names.ts';
import { somePeople } from '../../src/cli/demo/people.ts';
import { phones } from '../../src/cli/demo/phones.ts';
import { seededRandom } from '../../src/cli/demo/random.ts';
import { Bio } from '../../src/domain/value-objects/bio.ts';
import { Email } from '../../src/domain/value-objects/email.ts';
import { LanguageCode } from '../../src/domain/value-objects/language-code.ts';
import { Phone } from '../../src/domain/value-objects/phone.ts';
import { NamePart } from '../../src/domain/value-objects/username.ts';

const now = new Date('2026-12-01T12:00:00Z');
const made = (seed: number, count: number) => {
  const random = seededRandom(seed);
  const people = somePeople(random, count, now);
  return { people, steps: histories(random, people, now) };
};

describe('the people of lumin demo', () => {
  it('have names, bios and languages that the service takes as they are', () => {
    for (const { language, given, family, bios } of cultures) {
      expect(LanguageCode(language)).toBe(language);
      for (const { written, latin } of [...given, ...family]) {
        expect(NamePart(written)).toBe(written.normalize('NFC'));
        expect(Email(`${latin}@example.com`), written).toMatch(/^[a-z]+@/);
      }
      for (const bio of bios) expect(Bio(bio)).toBe(bio.normalize('NFC'));
    }
  });

  it('have numbers of fictional ranges, each its own, enough for as many people as there may be', () => {
    const all = [...phones()];
    expect(all.length).toBeGreaterThan(10_000);
    expect(new Set(all).size).toBe(all.length);
    expect(all.filter((number, index) => index % 50 === 0 && Phone(number) !== number)).toEqual([]);
  });

  it('can be reached at addresses that are kept for examples, and nobody shares one', () => {
    const emails = made(7, 2_000).people.flatMap(({ created }) => created.email ?? []);
    expect(new Set(emails).size).toBe(emails.length);
    for (const email of emails) expect(Email(email)).toMatch(/@example\.(?:com|org|net)$/);
  });

  it('are the same for the same seed, and others for another', () => {
    expect(made(1, 50)).toEqual(made(1, 50));
    expect(made(2, 50).people).not.toEqual(made(1, 50).people);
  });
});

describe('their histories', () => {
  const { people, steps } = made(3, 500);

  it('go on in order of time, and end before now', () => {
    const times = steps.map(({ at }) => at.getTime());
    expect(times).toEqual(times.toSorted((one, other) => one - other));
    expect(times.at(-1)).toBeLessThan(now.getTime());
  });

  it('begin with the creation of everybody, before which nobody is looked at or looks', () => {
    const created = new Set<string>();
    for (const { command, user_id, input } of steps) {
      if (command === 'create') created.add(user_id);
      else expect(created.has(user_id)).toBe(true);
      if (command === 'record_profile_view') expect(created.has((input as { viewer_id: string }).viewer_id)).toBe(true);
    }
    expect(created.size).toBe(people.length);
  });

  it('hold commands that there are', () => {
    for (const { command } of steps) expect(commandNamed(command)).toBeDefined();
  });
});

describe('steps that are appended together', () => {
  const step = (user_id: string, command: Step['command'] = 'change_bio') => ({ at: now, user_id, command, input: {} }) as Step;
  const groupsOf = (...steps: Step[]) => [...independent(steps)].map((group) => group.map(({ user_id }) => user_id).join(''));

  it('change nobody twice, and show nobody who is changed', () => {
    const view = 'record_profile_view';
    expect(groupsOf(step('a'), step('b'), step('a'), step('c'))).toEqual(['ab', 'ac']);
    expect(groupsOf(step('a'), step('a', view))).toEqual(['a', 'a']);
    expect(groupsOf(step('a', view), step('a', view), step('b'), step('a'))).toEqual(['aab', 'a']);
  });

  it('are as many as one append takes', () => {
    const many = Array.from({ length: 300 }, (_, index) => step(`user ${index}`));
    expect([...independent(many)].map(({ length }) => length)).toEqual([128, 128, 44]);
  });
});
