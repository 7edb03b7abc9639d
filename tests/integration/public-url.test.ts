import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aUser } from '../fixtures/http.ts';
import { type Service, startOwnService } from '../fixtures/http-service.ts';

const PREFIX = '/users';

/** Takes the prefix off the path and hands everything else on, as `location /users/ { proxy_pass http://service/; }` of nginx. */
const strippingProxy = async (portOf: () => number): Promise<{ url: string; server: Server }> => {
  const server = createServer((incoming, outgoing) => {
    const { method, headers, url = '' } = incoming;
    if (!url.startsWith(`${PREFIX}/`)) return outgoing.writeHead(404).end('not behind the prefix');
    const onward = request({ port: portOf(), method, headers, path: url.slice(PREFIX.length) }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${PREFIX}`, server };
};

describe.each([{ said: false }, { said: true }])('behind a proxy that takes off a prefix, which PUBLIC_URL says: $said', ({ said }) => {
  let service: Service;
  let proxy: Awaited<ReturnType<typeof strippingProxy>>;
  let begin: string;

  beforeAll(async () => {
    proxy = await strippingProxy(() => (service.server.server.address() as AddressInfo).port);
    begin = said ? proxy.url : '';
    service = await startOwnService({ env: { PUBLIC_URL: said ? `${proxy.url}/` : '' } });
    await service.server.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    proxy.server.close();
    await service.stop();
  });

  it.each(['/docs', '/docs/', '/docs?a=b', '/docs/?a=b'])('the page at %s finds its script and the document', async (path) => {
    const page = await fetch(proxy.url + path);
    expect(page.status).toBe(200);
    expect(page.url.replace(/\?.*/, '')).toBe(`${proxy.url}/docs`);
    const text = await page.text();
    for (const [, name = ''] of text.matchAll(/(?: src="|url: ')([^"']+)/g)) {
      const url = new URL(name, page.url).href;
      expect(url).toContain(`${proxy.url}/`);
      expect((await fetch(url)).status, url).toBe(200);
    }
    expect(text).toContain("url: 'openapi.json'");
  });

  it.each(['/problems', '/problems/', '/problems?a=b', '/problems/not-found', '/problems/not-found/', '/problems/not-found?a=b'])(
    'the page at %s leads to others behind the proxy',
    async (path) => {
      const text = await (await fetch(proxy.url + path)).text();
      const links = [...text.matchAll(/<a href="([^"]+)"/g)].map(([, href = '']) => new URL(href, proxy.url + path).href);
      expect(links).toContain(`${proxy.url}/docs`);
      for (const url of new Set(links)) expect((await fetch(url)).status, url).toBe(200);
    },
  );

  it('what answers name begins as the operator says, whatever the client does', async () => {
    const send = (method: 'GET' | 'POST', url: string, body?: object, headers = {}) =>
      service.request(method, url, body, {
        host: 'evil.example',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-prefix': '/evil',
        ...headers,
      });
    const created = await send('POST', '/api/users', aUser());
    expect(created.headers.location).toBe(`${begin}/api/users/${created.body.user_id}`);
    await send('POST', '/api/users', aUser());
    const task = await send('POST', `/api/users/${created.body.user_id}/deactivate`, {}, { prefer: 'respond-async' });
    expect(task.headers.location).toBe(`${begin}/api/users/tasks/${task.body.task_id}`);
    const list = await send('GET', '/api/users?limit=1');
    expect(list.headers.link).toBe(`<${begin}/api/users?limit=1&cursor=${list.body.next_cursor}>; rel="next"`);
    if (said) for (const url of [created.headers.location, task.headers.location]) expect((await fetch(url ?? '')).status).toBe(200);
    expect(service.openapi.servers).toEqual([{ url: begin || '/', description: 'This server.' }]);
  });
});
