import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../fixtures/child.ts';
import { created } from '../fixtures/http.ts';
import { type Service, startOwnService } from '../fixtures/http-service.ts';
import { endAtExit } from '../fixtures/leftovers.ts';
import { connectLive, refusal } from '../fixtures/live-client.ts';
import { freePort } from '../fixtures/own-servers.ts';
import { until } from '../fixtures/until.ts';

const PATH = `${process.env.PATH}:/usr/sbin`;
const installed = spawnSync('nginx', ['-v'], { env: { PATH } }).status === 0;
const PAGE = 'https://app.example.com';

/** Who has this cookie is signed in; who has another one may not come here. */
const signIn = (): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer(({ headers, url }, answer) => {
      const known = url === '/sessions/whoami' && headers.cookie === 'session=ann';
      answer.writeHead(known ? 200 : headers.cookie === 'session=mallory' ? 403 : 401).end();
    }).listen(0, '127.0.0.1', () => resolve(server));
  });

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

describe.skipIf(!installed)(
  `behind nginx, as deploy/nginx/nginx.conf sets it up${installed ? '' : ' [needs nginx: install nginx-light]'}`,
  () => {
    let folder: string;
    let file: string;
    let service: Service;
    let people: Server;
    let gateway: ChildProcess;
    let url: string;

    const run = (...args: string[]) => ['-e', 'stderr', '-p', folder, '-c', file, ...args];
    const ann = (path: string, { headers, ...init }: RequestInit & { headers?: Record<string, string> } = {}): Promise<Response> =>
      fetch(`${url}${path}`, { ...init, headers: { cookie: 'session=ann', ...headers } });

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'lumin-nginx-'));
      file = join(folder, 'nginx.conf');
      const port = await freePort();
      url = `http://127.0.0.1:${port}/users`;
      people = await signIn();
      service = await startOwnService({ env: { PUBLIC_URL: url, ALLOWED_ORIGINS: PAGE } });
      const address = await service.server.listen({ host: '127.0.0.1', port: 0 });
      let text = readFileSync(join(root, 'deploy/nginx/nginx.conf'), 'utf8');
      for (const [from, to] of [
        ['server 127.0.0.1:8000', `server ${new URL(address).host}`],
        ['server 127.0.0.1:4433', `server 127.0.0.1:${portOf(people)}`],
        ['listen 127.0.0.1:8888', `listen 127.0.0.1:${port}`],
      ] as const) {
        expect(text).toContain(from);
        text = text.replace(from, to);
      }
      writeFileSync(file, text);
      gateway = spawn('nginx', run('-g', 'daemon off;'), { env: { PATH }, stdio: 'inherit' });
      gateway.once(
        'exit',
        endAtExit(() => gateway.kill()),
      );
      await until('nginx listens', () =>
        fetch(url).then(
          () => true,
          () => false,
        ),
      );
    });
    afterAll(async () => {
      const ended = gateway && once(gateway, 'exit');
      gateway?.kill();
      await ended;
      people?.close();
      await service?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    it('nginx takes the file as it is', () => {
      const asItIs = join(root, 'deploy/nginx/nginx.conf');
      const { status, stderr } = spawnSync('nginx', ['-e', 'stderr', '-p', folder, '-c', asItIs, '-t'], {
        env: { PATH },
        encoding: 'utf8',
      });
      expect(stderr).not.toMatch(/emerg|warn/);
      expect(status).toBe(0);
    });

    it.each([
      ['nobody', {}, 401],
      ['somebody with a session that is over', { cookie: 'session=old' }, 401],
      ['somebody who may not come here', { cookie: 'session=mallory' }, 403],
    ])('lets %s read, change or follow nothing', async (_, headers, status) => {
      for (const [method, path] of [
        ['GET', '/api/users'],
        ['POST', '/api/users'],
        ['GET', '/docs'],
        ['GET', '/openapi.json'],
      ] as const) {
        const answer = await fetch(`${url}${path}`, { method, headers });
        expect(answer.status, path).toBe(status);
        expect(answer.headers.get('content-type')).toBe('application/problem+json');
        expect(await answer.json()).toMatchObject({ status });
      }
      expect((await refusal(`${url.replace('http', 'ws')}/ws`, { headers })).status).toBe(status);
    });

    it('lets a user of the gateway create, and Location leads to what was created', async () => {
      const body = JSON.stringify({ username: { first_name: 'Ann' }, email: 'ann@example.com' });
      const answer = await ann('/api/users/', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      expect(answer.status).toBe(201);
      const location = answer.headers.get('location') ?? '';
      expect(location).toMatch(`${url}/api/users/`);
      const found = await fetch(location, { headers: { cookie: 'session=ann' } });
      expect(await found.json()).toMatchObject({ email: 'ann@example.com' });
    });

    it('compresses answers, and takes the ETag that this makes weak for the version that it names', async () => {
      const { user_id } = await created(service);
      const path = `/api/users/${user_id}`;
      const answer = await ann(path, { headers: { 'accept-encoding': 'gzip' } });
      expect(answer.headers.get('content-encoding')).toBe('gzip');
      expect(answer.headers.get('etag')).toBe('W/"1"');
      expect(await answer.json()).toMatchObject({ user_id });
      expect((await ann(path, { headers: { 'if-none-match': 'W/"1"' } })).status).toBe(304);
      const change = (version: string) =>
        ann(`${path}/bio`, {
          method: 'PATCH',
          headers: { 'content-type': 'application/json', 'if-match': version },
          body: '{"new_bio":"Builds bridges."}',
        });
      expect((await change('W/"1"')).status).toBe(200);
      expect((await change('W/"1"')).status).toBe(412);
    });

    it('leads through the pages of a list, and leaves problems as they are', async () => {
      await created(service);
      await created(service);
      const link = /<(.+)>/.exec((await ann('/api/users?limit=1')).headers.get('link') ?? '')?.[1] ?? '';
      expect(link).toMatch(`${url}/api/users?`);
      expect((await fetch(link, { headers: { cookie: 'session=ann' } })).status).toBe(200);
      const problem = await ann('/api/users/nobody');
      expect(problem.headers.get('content-type')).toContain('application/problem+json');
      expect(await problem.json()).toMatchObject({ code: expect.any(String), request_id: problem.headers.get('x-request-id') });
    });

    it('shows the documentation with its files below the prefix', async () => {
      const page = await ann('/docs');
      const files = [...(await page.text()).matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, path = '']) => new URL(path, page.url).href);
      expect(files.length).toBeGreaterThan(1);
      for (const address of files.filter((one) => one.startsWith('http'))) {
        expect(address).toMatch(`${url}/`);
        expect((await fetch(address, { headers: { cookie: 'session=ann' } })).status, address).toBe(200);
      }
      expect(await (await ann('/openapi.json')).json()).toMatchObject({ servers: [{ url }] });
    });

    it('hands the live feed on', async () => {
      const address = `${url.replace('http', 'ws')}/ws`;
      const headers = { cookie: 'session=ann', origin: PAGE };
      const client = await connectLive(address, { headers });
      client.send({ op: 'subscribe' });
      expect(await client.next()).toMatchObject({ op: 'subscribed' });
      const { user_id } = await created(service);
      expect(await client.next()).toMatchObject({ subject: user_id, version: 1 });
      await client.close();
      expect((await refusal(address, { headers: { ...headers, origin: 'https://evil.example.com' } })).status).toBe(403);
    });

    it('lets a page of an allowed origin ask without a session whether it may call', async () => {
      const headers = { origin: PAGE, 'access-control-request-method': 'PATCH', 'access-control-request-headers': 'content-type' };
      const answer = await fetch(`${url}/api/users/any`, { method: 'OPTIONS', headers });
      expect(answer.status).toBe(204);
      expect(answer.headers.get('access-control-allow-origin')).toBe(PAGE);
    });

    it('keeps health and metrics inside', async () => {
      for (const path of ['/health', '/health/ready', '/metrics']) expect((await ann(path)).status, path).toBe(404);
    });

    it('says so when the service does not answer, and when the sign-in does not', async () => {
      const away = async () => {
        const answer = await ann('/api/users');
        expect(answer.status).toBe(503);
        expect(answer.headers.get('retry-after')).toBe('1');
      };
      await service.server.close();
      await away();
      await new Promise((resolve) => people.close(resolve).closeAllConnections());
      await away();
    });
  },
);
