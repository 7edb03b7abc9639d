import { chmodSync, chownSync, lstatSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { killNine, listening, runLumin, startMain } from '../fixtures/child.ts';

const under = mkdtempSync(join(tmpdir(), 'lumin-private-'));
const folder = join(under, 'lumin/data');
const env = { DATABASE_URL: `pglite://${folder}` };
afterAll(() => rmSync(under, { recursive: true, force: true }));

/** Every file and folder below that somebody else than its owner may do anything with. */
const openToOthers = (): string[] =>
  readdirSync(under, { recursive: true, encoding: 'utf8' }).filter((name) => {
    const found = lstatSync(join(under, name), { throwIfNoEntry: false });
    return found !== undefined && (found.mode & 0o077) !== 0;
  });

describe.skipIf(process.platform === 'win32')('the folder of the embedded database', () => {
  it('is its owner’s alone from the first byte on: data, log, lock and process id, whatever the umask', async () => {
    const seen = new Set<string>();
    const old = process.umask(0);
    const child = startMain(env);
    process.umask(old);
    const watch = setInterval(() => {
      for (const name of openToOthers()) seen.add(name);
    }, 20);
    const address = await listening(child);
    const created = await fetch(`${address}/api/users/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: { first_name: 'Ann' }, email: 'ann@example.com' }),
    });
    clearInterval(watch);
    expect(created.status).toBe(201);
    await killNine(child);
    expect([...seen, ...openToOthers()]).toEqual([]);
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(['lumin.lock', 'lumin.pid', 'pg']));
    expect(child.stderr()).toBe('');
  });

  it('of an earlier release is mended, and said so in one line, once', async () => {
    for (const name of ['', 'pg', 'pg/PG_VERSION', 'lumin.lock']) chmodSync(join(folder, name), 0o777);
    const first = await runLumin(['migrate', 'status'], env);
    expect(first).toMatchObject({ code: 0, stderr: expect.stringMatching(/^lumin: the data folder \S+ was open to others; .*\n$/) });
    expect(openToOthers()).toEqual([]);
    expect(await runLumin(['migrate', 'status'], env)).toMatchObject({ code: 0, stderr: '' });
  });

  it('is mended also where it is reached by a link, and not before its lock is had', async () => {
    const link = join(under, 'link');
    symlinkSync(folder, link);
    const linked = { DATABASE_URL: `pglite://${link}` };
    const holder = startMain(linked);
    await listening(holder);
    chmodSync(join(folder, 'pg'), 0o755);
    // Whoever finds no way to the process that has the folder tries to open it.
    rmSync(join(folder, 'lumin.sock'));
    const refusal = await runLumin(['verify'], env);
    expect(refusal).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^lumin: the data folder \S+ is in use by process \d+; .*\n$/),
    });
    await killNine(holder);
    expect(await runLumin(['migrate', 'status'], linked)).toMatchObject({ code: 0, stderr: expect.stringContaining('was open to others') });
    expect(openToOthers().filter((name) => name !== 'link')).toEqual([]);
  });

  it.skipIf(process.getuid?.() !== 0)('of another user is refused with one line [needs root]', async () => {
    chownSync(folder, 12345, 12345);
    const refusal = { code: 1, stderr: expect.stringMatching(/^lumin: the data folder \S+ belongs to user 12345, .*\n$/) };
    expect(await runLumin(['verify'], env)).toMatchObject(refusal);
    const child = startMain(env);
    expect({ code: await child.exited, stderr: child.stderr() }).toMatchObject(refusal);
  });
});
