import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Child, killNine, listening, runLumin, startLumin, startMain } from '../fixtures/child.ts';
import { anyStore, type Store } from '../fixtures/database-kinds.ts';
import { until } from '../fixtures/until.ts';

const linesOf = (text: string): any[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

describe('npm run lumin -- … --url', () => {
  let place: Store;
  let service: Child;
  let url: string;
  let ids: string[];
  /** With no database of its own. */
  const lumin = (args: string[], env = {}) =>
    runLumin([...args, '--url', url], { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none', ...env });
  const send = async (method: string, path: string, body: object): Promise<any> => {
    const answer = await fetch(`${url}${path}`, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    expect(answer.ok, `${method} ${path}`).toBe(true);
    return answer.json();
  };

  beforeAll(async () => {
    place = await anyStore();
    service = startMain({ DATABASE_URL: place.url });
    url = await listening(service);
    await until('it is ready', async () => (await fetch(`${url}/health/ready`)).ok);
    ids = [];
    for (const first_name of ['Ann', 'Ben', 'Cem']) {
      const { user_id } = await send('POST', '/api/users/', { username: { first_name }, email: `${first_name}@example.com` });
      ids.push(user_id);
    }
    await send('PATCH', `/api/users/${ids[0]}/username`, { first_name: 'Anna' });
  });
  afterAll(async () => {
    await killNine(service);
    await place.drop();
  });

  it('users get and users list print what they print beside the database', async () => {
    const beside = (args: string[]) => runLumin(args, { DATABASE_URL: place.url });
    // The embedded database is reached through the service, PostgreSQL beside it.
    for (const args of [
      ['users', 'list'],
      ['users', 'list', '--status', 'blocked'],
      ['users', 'list', '--email', 'BEN@example.com'],
    ])
      expect(await lumin(args)).toEqual(await beside(args));
    const [own] = linesOf((await beside(['users', 'get', ids[0] ?? ''])).stdout);
    expect(linesOf((await lumin(['users', 'get', ids[0] ?? ''])).stdout)).toEqual([own]);
  });

  it('users list goes from page to page, and says what it can know of the rest', async () => {
    const cut = await lumin(['users', 'list', '--limit', '2']);
    expect([cut.code, linesOf(cut.stdout).length, cut.stderr]).toEqual([0, 2, 'the first 2, and there are more (--limit, --all)\n']);
    const all = await lumin(['users', 'list', '--limit', '1', '--all']);
    expect([linesOf(all.stdout).map(({ name }) => name), all.stderr]).toEqual([['Cem', 'Ben', 'Anna'], '']);
  });

  it('events --user prints the history in the form of the log', async () => {
    const beside = await runLumin(['events', '--user', ids[0] ?? ''], { DATABASE_URL: place.url });
    expect(linesOf((await lumin(['events', '--user', ids[0] ?? ''])).stdout)).toEqual(linesOf(beside.stdout));
    const after = linesOf(beside.stdout)[0].position;
    expect(linesOf((await lumin(['events', '--user', ids[0] ?? '', '--after', String(after)])).stdout)).toEqual(
      linesOf(beside.stdout).slice(1),
    );
  });

  it('events --follow goes on where it was, once a lost connection is there again', async () => {
    const child = startLumin(['events', '--follow', '--url', url], {});
    await until('the log so far is there', () => linesOf(child.stdout()).length === 4);
    await send('PATCH', `/api/users/${ids[1]}/username`, { first_name: 'Benno' });
    await until('the new event is there', () => linesOf(child.stdout()).length === 5);

    await killNine(service);
    await until('the loss is told', () => child.stderr().includes('the connection is lost'));
    service = startMain({ DATABASE_URL: place.url, PORT: new URL(url).port });
    await listening(service);
    await until('it is ready', async () => (await fetch(`${url}/health/ready`)).ok);
    await send('PATCH', `/api/users/${ids[2]}/username`, { first_name: 'Cemal' });
    await until('what came later is there', () => linesOf(child.stdout()).length === 6);
    expect(linesOf(child.stdout()).map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(child.stdout()).not.toMatch(/personal|@example/);
    expect(child.stderr()).toBe('lumin: the connection is lost; it is tried again\n');
    child.process.kill('SIGINT');
    expect(await child.exited).toBe(0);
  });

  it('events --follow --user keeps to one user', async () => {
    const child = startLumin(['events', '--follow', '--user', ids[0] ?? '', '--url', `${url}/`], {});
    await until('both are there', () => linesOf(child.stdout()).length === 2);
    expect(linesOf(child.stdout()).map(({ type }) => type)).toEqual(['UserCreated', 'UserUsernameChanged']);
    child.process.kill('SIGINT');
    expect(await child.exited).toBe(0);
  });

  it('tells a refusal on one line, with the id by which the log finds it', async () => {
    const nobody = '550e8400-e29b-41d4-a716-446655440000';
    const { code, stdout, stderr } = await lumin(['users', 'get', nobody]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^lumin: .+ \(user-not-found, request_id [\da-f-]{36}\)\n$/);
    expect((await lumin(['users', 'list', '--email', 'nonsense'])).stderr).toMatch(
      /^lumin: .+email: .+ \(validation-failed, request_id .+\)\n$/,
    );
  });
});

describe('npm run lumin -- … --url, of what is not a service', () => {
  let server: Server | null = null;
  afterEach(() => void server?.close());
  /** Answers every request so. */
  const answering = async (listener: RequestListener): Promise<string> => {
    server = createServer(listener);
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const list = (url: string, env = {}) => runLumin(['users', 'list', '--url', url], env);

  it('sends LUMIN_KEY to where it was told to, and nowhere else', async () => {
    const seen: IncomingHttpHeaders[] = [];
    const url = await answering(({ headers }, answer) => {
      seen.push(headers);
      answer.writeHead(307, { location: 'http://127.0.0.1:1/elsewhere' }).end();
    });
    const { code, stderr } = await list(url, { LUMIN_KEY: 's3cret' });
    expect(seen.map(({ authorization }) => authorization)).toEqual(['Bearer s3cret']);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`${url} answered 307`)]);
    expect(stderr).not.toContain('s3cret');
  });

  it('is told in words, and writes nothing on the terminal that it should not', async () => {
    const url = await answering((_, answer) => void answer.writeHead(200, { 'content-type': 'text/html' }).end('<h1>'));
    expect(await list(url)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/answered 200 with text\/html: it is not the service/),
    });
    server?.close();
    const evil = { title: '\u001b[2Jgone', detail: 'a\nb', code: 'x' };
    const other = await answering(
      (_, answer) => void answer.writeHead(400, { 'content-type': 'application/problem+json' }).end(JSON.stringify(evil)),
    );
    expect((await list(other)).stderr).toBe('lumin: \\u001b[2Jgone: a\\u000ab (x)\n');
  });

  it.each([
    ['http://127.0.0.1:2', /cannot be reached: nothing listens at this host and port/],
    ['http://nowhere.invalid', /cannot be reached: (?:this host is not known|the name of this host cannot be looked up now)/],
  ])('%s cannot be reached, and why', async (url, told) => {
    expect(await list(url)).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(told) });
    expect(await runLumin(['events', '--follow', '--url', url], {})).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(told) });
  });
});
