import { beforeAll, expect, test } from 'vitest';
import { onEachDatabase } from '../fixtures/database-kinds.ts';
import { created } from '../fixtures/http.ts';
import { useService } from '../fixtures/http-service.ts';
import { allPages } from '../fixtures/pages.ts';
import { until } from '../fixtures/until.ts';

/** What is written must be found within a second. */
const SOON_MS = 5_000;

onEachDatabase('searching users', (make) => {
  const service = useService({ make });
  const ids: Record<string, string> = {};

  beforeAll(async () => {
    const add = async (key: string, first_name: string, last_name: string | null, more: object = {}) => {
      ids[key] = (await created(service, { username: { first_name, last_name }, ...more })).user_id;
    };
    await add('anna', 'Anna Maria', 'Lindqvist', { email: 'Anna.L+news@Example.com', phone: '+46701234567' });
    await add('annabel', 'Annabel', "O'Brien", { email: 'bel@example.com' });
    await add('nguyen', 'Nguyễn', 'Thị', { email: 'nt@example.com' });
    await add('ivan', 'Иван', 'Петров', { email: 'ip@example.com' });
    await add('strasse', 'Groß', 'Straße', { email: 'gs@example.com' });
    await add('wide', 'ＡＢＣ', 'Wide', { email: 'wide@example.com' });
    await add('webber', 'Charles', 'Lloyd-Webber', { phone: '+4915112345678' });
    await add('kostas', 'ΚΩΣΤΑΣ', 'Παπαδόπουλος');
    await add('semyon', 'Семён', 'Йорданов');
    await add('muller', 'Jürgen', 'Müller-Weiß');
    await add('ahmad', 'أَحْمَد', 'یوسفی');
    await add('ramesh', 'ರಮೇಶ್', null);
    await add('null', 'Null', null);
    await add('signs', '100%_sure', 'Back\\slash', { email: 'signs@example.com' });
    await add('hidden', 'Annalena', 'Hidden', { email: 'anna.hidden@example.com', privacy_settings: { allow_search: false } });
    // Names are found a moment later, in the order of their creation.
    await until('the last one is found', async () => (await keys('back\\slash')).length === 1);
  });

  const ask = async (q: string, more = '') => {
    const { status, text, body } = await service.request('GET', `/api/users?q=${encodeURIComponent(q)}${more}`);
    expect(status, text).toBe(200);
    return body.items.map(({ user_id }: any) => user_id);
  };
  const keys = async (q: string, more = ''): Promise<string[]> => {
    const found = await ask(q, more);
    return Object.keys(ids).filter((key) => found.includes(ids[key] as string));
  };
  const soon = (what: string, look: () => Promise<boolean>) => until(what, look, SOON_MS);

  test.each<[string, string[]]>([
    ['anna', ['anna', 'annabel']],
    ['ANNA', ['anna', 'annabel']],
    ['anna maria', ['anna']],
    ['  Anna   Maria Lind', ['anna']],
    ['maria', ['anna']],
    ['maria lindqvist', ['anna']],
    ['lind', ['anna']],
    ['qvist', []],
    ['annabel o', ['annabel']],
    ["o'br", ['annabel']],
    ['anna.l+news@exa', ['anna']],
    ['+4670', ['anna']],
    ['+46 70-123 45', ['anna']],
    ['4670', ['anna']],
    ['nguyễn', ['nguyen']],
    ['NGUYỄN', ['nguyen']],
    ['nguye\u0302\u0303n', ['nguyen']],
    ['nguyen', ['nguyen']],
    ['иван пет', ['ivan']],
    ['ПЕТРОВ', ['ivan']],
    ['straße', ['strasse']],
    ['abc', ['wide']],
    ['ａｂｃ', ['wide']],
    // What other search languages take for wildcards are characters here.
    ['%%', []],
    ['__', []],
    ['an%', []],
    ['an_a', []],
    ['100%_', ['signs']],
    ['100%x', []],
    ['back\\s', ['signs']],
    ['an*', []],
    ['""', []],
    ['{}', []],
    ['\\\\', []],
    ['a\\"b,{c}', []],
    ['null', ['null']],
    [".*'--", []],
    // No case, no accents, whichever of the two has them.
    ['ΚΩΣ', ['kostas']],
    ['κώστας', ['kostas']],
    ['STRASSE', ['strasse']],
    ['weiss', ['muller']],
    ['WEIẞ', ['muller']],
    ['muller', ['muller']],
    ['mu\u0308ller jürgen', ['muller']],
    ['семен', ['semyon']],
    ['иорд', ['semyon']],
    ['احمد', ['ahmad']],
    ['يوسف', ['ahmad']],
    ['ರಮೇಶ', ['ramesh']],
    ['ರಮ', ['ramesh']],
    ['ರಮಾ', []],
    // Every word, in any order, whatever stands between words.
    ['webber', ['webber']],
    ['webber cha', ['webber']],
    ['Lloyd‑Webber,\u00A0Charles', ['webber']],
    ['lloydwebber', ['webber']],
    ['brien', ['annabel']],
    ['obrien', ['annabel']],
    ['O’Brien annabel', ['annabel']],
    ['thi nguyen', ['nguyen']],
    ['lind anna mar', ['anna']],
    ['anna webber', []],
    // Numbers as people type them.
    ['4915112', ['webber']],
    ['+49 151-12', ['webber']],
    ['0049 (151) 12', ['webber']],
    ['+49 (0)151/12', ['webber']],
    ['\u202A+49\u00A0151\u201112\u202C', ['webber']],
    ['٤٩١٥١١٢', ['webber']],
    ['15112', []],
    ['annalena', []],
    ['anna.hidden', []],
    ['\u{10FFFF}\u{10FFFF}', []],
  ])('for "%s" finds: %j', async (q, expected) => expect(await keys(q)).toEqual(expected));

  test('reads the + of a number that a query string made a space', async () => {
    const { body } = await service.request('GET', '/api/users?q=+4670');
    expect(body.items.map(({ user_id }: any) => user_id)).toEqual([ids.anna]);
    expect((await service.request('GET', '/api/users?q=+4')).body.items.length).toBeGreaterThan(0);
  });

  test('takes the id of a user, whole or its beginning, in either case, and finds no hidden or deleted user by it', async () => {
    const id = ids.anna as string;
    for (const q of [id, id.toUpperCase(), ` ${id} `, id.slice(0, 20), id.replaceAll('-', '')]) expect(await keys(q)).toEqual(['anna']);
    expect(await keys(id.slice(0, 8))).toContain('anna');
    expect(await keys(id.slice(0, 7))).toEqual([]);
    expect(await keys(ids.hidden as string)).toEqual([]);
    const gone = await created(service);
    await service.request('DELETE', `/api/users/${gone.user_id}`);
    expect(await ask(gone.user_id)).toEqual([]);
    expect(await ask(gone.user_id, '&status=deleted')).toEqual([]);
  });

  test('goes together with the other filters, and pages as every list does', async () => {
    expect(await keys('anna', '&email=bel@example.com')).toEqual(['annabel']);
    expect(await keys('anna', '&status=inactive')).toEqual([]);
    expect(await ask('anna', '&sort=created_at')).toEqual([ids.anna, ids.annabel]);
    const pages = await allPages(service, '/api/users?q=an&limit=1');
    expect(pages.map((page) => page.map(({ user_id }) => user_id))).toEqual([[ids.annabel], [ids.anna]]);
  });

  test('does not find who does not allow it, whom every other filter finds', async () => {
    for (const filter of ['email=ANNA.hidden@example.com', 'limit=200', 'status=active']) {
      const { body } = await service.request('GET', `/api/users?${filter}`);
      expect(body.items.map(({ user_id }: any) => user_id)).toContain(ids.hidden);
    }
  });

  test('follows every change within a second', async () => {
    const { user_id } = await created(service, { username: { first_name: 'Zoe', last_name: 'Before' }, email: 'zoe@example.com' });
    const url = `/api/users/${user_id}`;
    const finds = async (q: string) => (await ask(q)).includes(user_id);
    await soon('a new user is found', () => finds('zoe bef'));
    await service.request('PATCH', `${url}/username`, { last_name: 'After' });
    await soon('the new name is found', () => finds('zoe aft'));
    expect(await finds('zoe bef')).toBe(false);
    await service.request('PATCH', `${url}/email`, { new_email: 'zoe.new@example.com' }, { prefer: 'wait=5' });
    await soon('the new address is found', () => finds('zoe.new@'));
    expect(await finds('zoe@')).toBe(false);
    await service.request('PATCH', `${url}/privacy-settings`, { allow_search: false });
    await soon('the user is left out', async () => !(await finds('zoe')));
    await service.request('PATCH', `${url}/privacy-settings`, { allow_search: true });
    await soon('the user is back', () => finds('zoe'));
    await service.request('DELETE', url);
    await soon('the deleted user is gone', async () => !(await finds('zoe')));
    await soon('also among the deleted ones', async () => (await ask('zoe', '&status=deleted')).length === 0);
  });
});
