import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, inject, it } from 'vitest';
import { FolderInUse, lockFolder } from '../../src/infrastructure/persistence/database/folder-lock.ts';
import { type Child, killNine, listening, runLumin, startMain } from '../fixtures/child.ts';
import { copyTemplate } from '../fixtures/embedded-template.ts';
import { until } from '../fixtures/until.ts';

const emptyFolder = () => {
  const path = copyTemplate(inject('embeddedTemplate'));
  return { path, url: `pglite://${path}`, remove: () => rmSync(path, { recursive: true, force: true }) };
};

describe('the data folder of the embedded store', () => {
  const folder = emptyFolder();
  const children: Child[] = [];
  const start = (): Child => {
    const child = startMain({ DATABASE_URL: folder.url });
    children.push(child);
    return child;
  };
  afterEach(async () => {
    await Promise.all(children.map(killNine));
    folder.remove();
  });

  it('belongs to one process at a time, and to the next one as soon as the first is dead', async () => {
    const first = start();
    const address = await listening(first);
    const created = await fetch(`${address}/api/users/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: { first_name: 'Ann' }, email: 'ann@example.com' }),
    });
    expect(created.status).toBe(201);
    const user = (await created.json()) as { user_id: string };

    // A second service is refused with one line that names the first, and so is an operator's command that finds no way to it.
    const refusal = expect.stringMatching(new RegExp(`^lumin: the data folder \\S+ is in use by process ${first.pid}; .*\\n$`));
    const second = start();
    expect(await second.exited).toBe(1);
    expect(second.stderr()).toEqual(refusal);
    rmSync(join(folder.path, 'lumin.sock'));
    expect(await runLumin(['verify'], { DATABASE_URL: folder.url })).toMatchObject({ code: 1, stderr: refusal });

    // The lock dies with its process: a pid left behind, even one that another process has by now, means nothing.
    await killNine(first);
    expect(readFileSync(join(folder.path, 'lumin.pid'), 'utf8')).toBe(String(first.pid));
    writeFileSync(join(folder.path, 'lumin.pid'), String(process.pid));
    const third = start();
    const found = await fetch(`${await listening(third)}/api/users/${user.user_id}`);
    expect(await found.json()).toEqual(user);
  });
});

describe('a service that is started again', () => {
  const folder = emptyFolder();
  afterEach(folder.remove);

  it('waits for the one that is stopping, and says so', async () => {
    const first = startMain({ DATABASE_URL: folder.url });
    const address = await listening(first);
    // A request that holds the stop up.
    const slow = connect(Number(new URL(address).port), '127.0.0.1');
    slow.write('POST /api/users/ HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{');
    await until('it is known', async () => (await fetch(`${address}/health/live`)).ok);
    first.process.kill('SIGTERM');
    await until('it stops', () => first.stdout().includes('stopping (SIGTERM)'));
    const second = startMain({ DATABASE_URL: folder.url });
    await until('it waits', () => second.stderr() !== '');
    expect(second.stderr()).toMatch(
      new RegExp(`^lumin: process ${first.pid} has the data folder \\S+ and is stopping; waiting for it\\n$`),
    );
    slow.destroy();
    expect(await first.exited).toBe(0);
    expect(first.stdout()).toMatch(/^stopped after [\d.]+ s$/m);
    await listening(second);
    await killNine(second);
  });
});

describe('a data folder that cannot be made', () => {
  const folder = emptyFolder();
  afterAll(folder.remove);

  it.each([
    ['lumin.lock', 'there is a file of this name'],
    ['lumin.lock/data', 'a part of its path is a file'],
    ['x'.repeat(300), 'its path is too long'],
  ])('as %s ends the start and commands in one line that names it and the reason, and nothing is begun', async (name, reason) => {
    writeFileSync(join(folder.path, 'lumin.lock'), '');
    const env = { DATABASE_URL: `pglite://${join(folder.path, name)}` };
    const line = `lumin: the data folder ${join(folder.path, name)} cannot be made: ${reason}; mend that, or name another folder in DATABASE_URL\n`;
    const child = startMain(env);
    expect({ code: await child.exited, stdout: child.stdout(), stderr: child.stderr() }).toEqual({ code: 1, stdout: '', stderr: line });
    expect(await runLumin(['verify'], env)).toEqual({ code: 1, stdout: '', stderr: line });
  });

  it.skipIf(process.platform !== 'linux')('because it never can be is told so too [needs /proc]', async () => {
    const child = startMain({ DATABASE_URL: 'pglite:///proc/lumin/data' });
    expect([await child.exited, child.stderr()]).toEqual([1, expect.stringContaining('/proc/lumin/data cannot be made: ')]);
  });
});

describe('the lock itself', () => {
  const folder = emptyFolder();
  afterEach(folder.remove);

  it('calls a folder in use only when it is', async () => {
    writeFileSync(join(folder.path, 'lumin.lock'), 'this is no lock file, but something else. '.repeat(100));
    await expect(lockFolder(folder.path)).rejects.not.toBeInstanceOf(FolderInUse);
  });
});

describe('a wrong configuration', () => {
  it('ends the start with exit code 1 and one line per mistake', async () => {
    const child = startMain({ PORT: 'eighty', LOG_LEVEL: 'loud', DATABASE_URL: 'mysql://localhost/users' });
    expect(await child.exited).toBe(1);
    const lines = child.stderr().trimEnd().split('\n').sort();
    expect(lines).toEqual([
      expect.stringMatching(/^lumin: DATABASE_URL must be /),
      expect.stringMatching(/^lumin: LOG_LEVEL must be /),
      expect.stringMatching(/^lumin: PORT must be /),
    ]);
    expect(child.stdout()).toBe('');
  });
});
