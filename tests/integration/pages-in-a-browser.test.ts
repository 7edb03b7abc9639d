import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aUser } from '../fixtures/http.ts';
import { useService } from '../fixtures/http-service.ts';

const browser = ['chromium', 'google-chrome', 'chrome'].find((name) => spawnSync(name, ['--version']).error === undefined);
/** Of the page's own time, which stands still while it waits for the network. */
const PAGE_MS = 20_000;

describe.skipIf(!browser)('in a real browser [needs Chromium]', () => {
  const service = useService({ env: { AUTH_MODE: 'off' } });
  let profile: string;
  let address: string;

  beforeAll(async () => {
    profile = mkdtempSync(join(tmpdir(), 'lumin-browser-'));
    address = await service.server.listen({ host: '127.0.0.1', port: 0 });
    for (let user = 0; user < 3; user++) await service.request('POST', '/api/users', aUser(), { host: 'localhost' });
  });
  afterAll(() => rmSync(profile, { recursive: true, force: true }));

  /** What the page has become once its scripts have run, and what the browser complained of. */
  const opened = async (path: string) => {
    const run = promisify(execFile)(
      browser ?? '',
      [
        ...['--headless', '--no-sandbox', '--disable-gpu', '--enable-logging=stderr', `--user-data-dir=${profile}`],
        ...[`--virtual-time-budget=${PAGE_MS}`, '--dump-dom', address + path],
      ],
      { maxBuffer: 16 * 1024 * 1024 },
    );
    const { stdout, stderr } = await run;
    return { html: stdout, complaints: stderr.split('\n').filter((line) => /CONSOLE/.test(line) && !/api-reference@/.test(line)) };
  };

  it('/ tells health and where the log ends, which it has from the live feed', async () => {
    const { html, complaints } = await opened('/');
    expect(complaints).toEqual([]);
    expect(html).toContain('<dd id="health" class="good">ok (');
    expect(html).toMatch(/<dd id="log"[^>]*>3 events/);
    expect(html).toContain(`<a href="docs">${address}/docs</a>`);
  });

  it('/docs shows an operation with its request to try, and a search box, under a policy that keeps nothing from it', async () => {
    const { html, complaints } = await opened('/docs#tag/users/POST/api/users');
    expect(complaints).toEqual([]);
    for (const text of ['Create a user', 'Open Search', 'Test Request']) expect(html.includes(text), text).toBe(true);
  });
});
