import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { beforeAll, describe, expect, it } from 'vitest';
import { node } from '../fixtures/child.ts';
import { created, expectProblem } from '../fixtures/http.ts';
import { useService } from '../fixtures/http-service.ts';
import { connectLive, liveUrl, refusal } from '../fixtures/live-client.ts';
import { expectOwnPage, getPage } from '../fixtures/own-page.ts';

/** As browsers send it with an address that somebody types. */
const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', host: 'localhost:8000' };

describe('the page at / where nobody checks callers', () => {
  const service = useService({ env: { AUTH_MODE: 'off' } });
  const get = (url: string, headers: Record<string, string>) => service.request('GET', url, undefined, { host: 'localhost', ...headers });

  it('is for browsers: version, health, log and addresses, each relative, for a proxy may take a prefix off', async () => {
    for (const url of ['/', '/?a=b']) {
      const answer = await getPage(service, url, BROWSER);
      expectOwnPage(answer);
      expect(answer.headers).toMatchObject({ vary: 'Accept', 'cache-control': 'private, no-cache' });
      expect(answer.headers['content-security-policy']).toContain("connect-src 'self'");
      expect(answer.text).toContain('Version 0.0.0-test');
      const links = [...answer.text.matchAll(/<a href="([^"]+)"/g)].map(([, href = '']) => href);
      expect(links).toEqual(['health', 'docs', 'openapi.json', 'api/users', 'problems', 'metrics']);
      for (const link of links) expect((await getPage(service, `/${link}`, { host: 'localhost' })).status, link).toBe(200);
    }
  });

  it.each<Record<string, string>>([{}, { accept: '*/*' }, { accept: 'application/json' }])(
    'is not there for a program, which sends %j',
    async (headers) => {
      const answer = await get('/', headers);
      expectProblem(answer, 404, 'not-found');
      expect(answer.headers.vary).toBe('Accept');
    },
  );

  it('takes no other method, and is not in the document', async () => {
    const answer = await service.request('POST', '/', {}, { host: 'localhost' });
    expectProblem(answer, 405, 'method-not-allowed');
    expect(answer.headers.allow).toBe('GET, HEAD');
    expect(service.openapi.paths).not.toHaveProperty('/');
  });

  it('is not there under a name that a stranger points at this machine', async () =>
    expectProblem(await get('/', { ...BROWSER, host: 'evil.example' }), 421, 'host-not-allowed'));
});

describe('the page at / names no metrics that are elsewhere', () => {
  const service = useService({ env: { AUTH_MODE: 'off', METRICS_PORT: '9464' } });
  it('with METRICS_PORT', async () => {
    const answer = await getPage(service, '/', BROWSER);
    expectOwnPage(answer);
    expect(answer.text).not.toContain('href="metrics"');
  });
});

describe('the example of the live feed', () => {
  const service = useService();
  const example = readFileSync(new URL('../../src/presentation/api/operations/pages/feed-example.js', import.meta.url), 'utf8');

  it('is the same on the page at / and in docs/live-feed.md, and runs with the Node of the project', async () => {
    const docs = readFileSync(new URL('../../docs/live-feed.md', import.meta.url), 'utf8');
    expect(docs).toContain(`\n\`\`\`js\n${example}\`\`\`\n`);
    const { user_id } = await created(service);
    const address = await service.server.listen({ host: '127.0.0.1', port: 0 });
    const program = example.replace('http://localhost:8000', address);
    expect(program).not.toBe(example);
    const child = spawn(node, ['--input-type=module', '--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines: string[] = [];
    for await (const line of createInterface(child.stdout)) if (lines.push(line) === 2) break;
    child.kill();
    expect(JSON.parse(lines[0] ?? '')).toEqual({ op: 'subscribed', position: '0' });
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({ subject: user_id, position: '1' });
  });
});

describe('behind a gateway', () => {
  const gateway = useService({ env: { PUBLIC_URL: 'https://example.com/users-service' } });
  let feed: string;
  beforeAll(async () => {
    feed = await liveUrl(gateway);
  });

  it('/ is an unknown path, for browsers too', async () => {
    expectProblem(await gateway.request('GET', '/', undefined, BROWSER), 404, 'not-found');
    expectProblem(await gateway.request('POST', '/', {}), 404, 'not-found');
  });

  it('the live feed is there for the service’s own pages: those of its Host, and of PUBLIC_URL', async () => {
    const { host } = new URL(feed);
    for (const origin of [`http://${host}`, `https://${host}`, 'https://example.com']) {
      const client = await connectLive(feed, { headers: { origin } });
      client.send({ op: 'subscribe' });
      await client.next();
      const { user_id } = await created(gateway);
      expect(await client.next()).toMatchObject({ subject: user_id });
      await client.close();
    }
    for (const origin of ['http://localhost:1', `ws://${host}`, host, 'http://example.com', 'https://example.com.evil.example'])
      expect((await refusal(feed, { headers: { origin } })).body.code, origin).toBe('origin-not-allowed');
  });
});
