import type { Static } from 'typebox';
import { v4 } from 'uuid';
import type { commands } from '../../application/commands/index.ts';
import { UserId } from '../../domain/value-objects/user-id.ts';
import { cultures } from './names.ts';
import { phones } from './phones.ts';
import type { Random } from './random.ts';

/** What somebody is created with, and what the same person may change to. */
export type Person = {
  user_id: UserId;
  created: Static<typeof commands.create.input>;
  handle: string;
  bios: string[];
  phone: string | null;
};

const DAY_MS = 86_400_000;
const HOSTS = ['example.com', 'example.org', 'example.net'];

/** Believable people with addresses and numbers that belong to nobody: the same for the same seed. */
export const somePeople = (random: Random, count: number, now: Date): Person[] => {
  const handles = new Map<string, number>();
  const numbers = phones();
  const sometimes = <T>(share: number, value: () => T): T | null => (random.next() < share ? value() : null);

  return Array.from({ length: count }, () => {
    const { language, given, family, bios } = random.pick(cultures);
    const first = random.pick(given);
    const last = sometimes(0.95, () => random.pick(family));
    const name = [first.latin, ...(last ? [last.latin] : [])].join(random.pick(['.', '.', '_', '']));
    const namesakes = handles.get(name) ?? 0;
    handles.set(name, namesakes + 1);
    const handle = namesakes === 0 ? name : `${name}${namesakes + 1}`;
    const email = sometimes(0.93, () => `${handle}@${random.pick(HOSTS)}`);
    const phone = numbers.next().value ?? null;
    const hasPhone = email === null || random.next() < 0.45;
    const age = 18 + random.next() ** 2 * 70;
    const birthDate = new Date(now.getTime() - age * 365.25 * DAY_MS).toISOString().slice(0, 10);
    return {
      user_id: UserId(v4({ random: Uint8Array.from({ length: 16 }, () => random.below(256)) })),
      handle,
      bios,
      phone: hasPhone ? null : phone,
      created: {
        username: { first_name: first.written, last_name: last?.written ?? null },
        email,
        phone: hasPhone ? phone : null,
        language_code: language,
        avatar_url: sometimes(0.4, () => `https://avatars.example.com/${handle}.png`),
        bio: sometimes(0.4, () => random.pick(bios)),
        birth_date: sometimes(0.6, () => birthDate),
        privacy_settings: sometimes(0.25, () => ({
          profile_visibility: random.pick(['everyone', 'users', 'users', 'nobody'] as const),
          show_email: random.next() < 0.3,
          allow_search: random.next() < 0.8,
        })),
      },
    };
  });
};
