import type { CommandName } from '../../application/commands/index.ts';
import type { UserId } from '../../domain/value-objects/user-id.ts';
import type { Person } from './people.ts';
import type { Random } from './random.ts';

/**
 * One command at its time. `task`: accepted as a task and then run, or left: in the hands of a worker that does not come back
 * before its lease is over.
 */
export type Step = { at: Date; user_id: UserId; command: CommandName; input: object; task?: 'run' | 'left' };

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** For how long there has been somebody, and up to when what they did themselves goes on. */
const FIRST_MS = 365 * DAY_MS;
const LAST_MS = 15 * MINUTE_MS;

const REASONS = ['Spam in direct messages', 'Chargeback under review', 'Asked for by the account owner', 'Impersonates somebody else'];
const SOURCES = ['search', 'search', 'profile-link', 'chat', 'qr-code', 'newsletter', null];

/** What these people did, from the first day on, in order of time. Whoever is blocked or deleted does nothing afterwards. */
export const histories = (random: Random, people: readonly Person[], now: Date): Step[] => {
  const end = now.getTime() - LAST_MS;
  /** Many come late, as where a service grows. */
  const births = people.map(() => end - FIRST_MS * random.next() ** 2).sort((one, other) => one - other);
  const steps: Step[] = [];

  for (const [index, person] of people.entries()) {
    const born = births[index] ?? end;
    const { user_id, created } = person;
    const own: Omit<Step, 'at' | 'user_id'>[] = [...changes(random, person), ...lastSteps(random, now)];
    const times = own.map(() => born + (end - born) * random.next()).sort((one, other) => one - other);
    steps.push({ at: new Date(born), user_id, command: 'create', input: created });
    for (const [place, step] of own.entries()) steps.push({ ...step, user_id, at: new Date(times[place] ?? end) });
    const gone = own.some(({ command }) => command === 'delete') ? (times.at(-1) ?? end) : end;
    steps.push(...views(random, person, { born, gone }, births, people));
  }
  steps.sort((one, other) => one.at.getTime() - other.at.getTime());
  return [...steps, ...tasks(random, people, steps, now)];
};

const changes = (random: Random, person: Person): Omit<Step, 'at' | 'user_id'>[] => {
  const { handle, bios, phone, created } = person;
  const possible: Omit<Step, 'at' | 'user_id'>[] = [
    { command: 'change_bio', input: { new_bio: random.pick(bios) } },
    { command: 'change_bio', input: { new_bio: random.next() < 0.2 ? null : random.pick(bios) } },
    { command: 'change_avatar_url', input: { new_avatar_url: `https://avatars.example.com/${handle}-${1 + random.below(9)}.webp` } },
    { command: 'change_privacy_settings', input: { profile_visibility: random.pick(['everyone', 'users'] as const), show_bio: true } },
    { command: 'change_privacy_settings', input: { show_birth_date: random.next() < 0.5, show_profile_views: random.next() < 0.5 } },
    { command: 'change_language_code', input: { new_language_code: random.pick(['en', 'en-GB', created.language_code ?? 'en']) } },
    { command: 'change_email', input: { new_email: `${handle}+${1970 + random.below(50)}@example.org` } },
    ...(phone === null ? [] : [{ command: 'change_phone' as const, input: { new_phone: phone } }]),
    ...(created.birth_date ? [] : [{ command: 'change_date' as const, input: { new_birth_date: `19${50 + random.below(50)}-07-14` } }]),
  ];
  return possible.filter(() => random.next() < 0.35);
};

/** How it stands with somebody in the end; most are active. */
const lastSteps = (random: Random, now: Date): Omit<Step, 'at' | 'user_id'>[] => {
  const dice = random.next();
  const reason = random.pick(REASONS);
  if (dice < 0.03) return [{ command: 'delete', input: {} }];
  if (dice < 0.08) return [{ command: 'deactivate', input: {} }];
  if (dice < 0.1)
    return [
      { command: 'deactivate', input: {} },
      { command: 'activate', input: {} },
    ];
  if (dice < 0.12) return [{ command: 'block', input: { reason } }];
  if (dice < 0.14)
    return [
      { command: 'block', input: { reason } },
      { command: 'unblock', input: {} },
    ];
  if (dice > 0.03 + 0.95) {
    // The first ones end while somebody looks on.
    const until = new Date(now.getTime() + 3 * MINUTE_MS + random.next() ** 4 * 30 * DAY_MS).toISOString();
    return [{ command: 'block', input: { reason, until } }];
  }
  return [];
};

/** A few are looked at by many. */
const views = (
  random: Random,
  { user_id }: Person,
  { born, gone }: { born: number; gone: number },
  births: readonly number[],
  people: readonly Person[],
): Step[] => {
  const count = Math.floor((4 * random.next() ** 3) / (0.02 + random.next()));
  return Array.from({ length: Math.min(count, 60) }, () => {
    const at = born + (gone - born) * random.next();
    // Only who was there by then.
    const viewers = births.findLastIndex((birth) => birth < at) + 1;
    const viewer = people[random.below(Math.max(1, viewers))] as Person;
    return {
      at: new Date(at),
      user_id,
      command: 'record_profile_view' as const,
      input: { viewer_id: viewer.user_id, source: random.pick(SOURCES) },
    };
  });
};

/** Changes of the last minutes that are tasks: most are done, some fail because two want the same address, some are under way. */
const tasks = (random: Random, people: readonly Person[], steps: readonly Step[], now: Date): Step[] => {
  const ended = new Set(steps.filter(({ command }) => /^(?:block|delete)$/.test(command)).map(({ user_id }) => user_id));
  const able = people.filter(({ user_id }) => !ended.has(user_id));
  const wanted = able.filter(() => random.next() < 0.06);
  return wanted.map(({ user_id, handle }, index) => {
    const at = new Date(now.getTime() - LAST_MS + ((LAST_MS - MINUTE_MS) * index) / wanted.length);
    const together = index % 6 === 1 ? wanted[index - 1]?.handle : undefined;
    return {
      at,
      user_id,
      command: 'change_email' as const,
      input: { new_email: `${together ?? handle}.family@example.org` },
      task: index % 6 === 5 ? ('left' as const) : ('run' as const),
    };
  });
};
