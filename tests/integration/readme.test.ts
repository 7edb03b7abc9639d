import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { catalogue } from '../../src/domain/problem.ts';
import { readConfig } from '../../src/infrastructure/container/config.ts';
import { type Child, killNine, listening, node, root, startMain } from '../fixtures/child.ts';
import { anyStore, type Store } from '../fixtures/database-kinds.ts';
import { aUser } from '../fixtures/http.ts';
import { until } from '../fixtures/until.ts';

/** What the README says of an answer: the sentence "Status 200, `Header: value`, `"member": value`" and the JSON after it. */
type Promised = { status: number; headers: [name: string, value: string][]; members: object; code: string | undefined; json: unknown };
/** A ```bash block. Its last curl is the request that is shown, and sent once for each answer that the README gives; the rest prepares it. */
type Example = { title: string; preparation: string; command: string; answers: Promised[] };

const FOUR_REQUESTS = 4;
const PLACEHOLDER = 'task_abc123';
const END = '--- answered ---';
const FENCE = /```(\w+)\n(.*?)\n```/gs;
const SENTENCE = /\b[Ss]tatus (\d{3})((?:`[^`]*`|[^`.:;])*)/g;

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

const promised = (status: number, sentence: string): Promised => {
  const spans = [...sentence.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span);
  return {
    status,
    headers: spans.flatMap((span) => {
      const [, name, value] = /^([A-Z][\w-]*): (.+)$/.exec(span) ?? [];
      return name && value ? [[name.toLowerCase(), value] as [string, string]] : [];
    }),
    members: JSON.parse(`{${spans.filter((span) => span.startsWith('"')).join(',')}}`),
    code: spans.find((span) => Object.hasOwn(catalogue, span)),
    json: undefined,
  };
};

/** Cuts the page into prose and blocks. What is said of an example ends at the next block of commands or heading. */
const examplesIn = (markdown: string): Example[] => {
  const examples: Example[] = [];
  let current: Example | null = null;
  let end = 0;
  const takeProse = (prose: string): void => {
    const [own = '', ...others] = prose.split(/^#/m);
    for (const [, status, sentence = ''] of own.matchAll(SENTENCE)) current?.answers.push(promised(Number(status), sentence));
    if (others.length > 0) current = null;
  };
  for (const { 0: whole, 1: language, 2: text = '', index } of markdown.matchAll(FENCE)) {
    takeProse(markdown.slice(end, index));
    end = index + whole.length;
    if (language === 'bash') {
      const start = text.lastIndexOf('\ncurl ') + 1;
      const [preparation, command] = [text.slice(0, start), text.slice(start)];
      const line = markdown.slice(0, index + '```bash\n'.length + start).split('\n').length;
      current = /^(curl |new_user\n)/.test(text)
        ? { title: `line ${line}: ${command.split('\n')[0]}`, preparation, command, answers: [] }
        : null;
      if (current) examples.push(current);
    }
    const answer: Promised | undefined = (current as Example | null)?.answers.at(-1);
    if (language === 'json' && answer) answer.json = JSON.parse(text);
  }
  takeProse(markdown.slice(end));
  return examples;
};

/** The same text with what differs from run to run made equal: times, and ids that the service makes. */
const masked = (text: string): string =>
  text
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/task_[0-9a-v]{26}/g, 'TASK')
    .replace(/[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[\da-f]{4}-[\da-f]{12}/g, 'USER')
    .replace(/ann\.\d+\.\d+@/g, 'ann@')
    .replace(/("(?:request_id|correlationid)":\s*")[^"]+/g, '$1ID')
    .replace(/("next_cursor":\s*"|cursor=)[\w-]+/g, '$1CURSOR');

const page = read('README.md');
const examples = examplesIn(page);
const [newUser = ''] = /^new_user\(\) \{\n.*?^\}$/ms.exec(page) ?? [];
const canRun = ['bash', 'curl'].every((tool) => spawnSync(tool, ['--version']).error === undefined);

describe.skipIf(!canRun)('the API examples of the README', () => {
  let service: Child;
  let address: string;
  let home: string;
  let shell: ChildProcessWithoutNullStreams;
  let printed = '';
  let lastTask = PLACEHOLDER;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'lumin-readme-'));
    writeFileSync(join(home, '.curlrc'), 'silent\nshow-error\ninclude\n');
    service = startMain({ DATABASE_URL: 'pglite://memory' });
    address = new URL(await listening(service)).host;
    shell = spawn('bash', { env: { PATH: process.env.PATH, CURL_HOME: home, NO_PROXY: '*' } });
    shell.stdout.setEncoding('utf8').on('data', (data: string) => (printed += data));
    shell.stderr.setEncoding('utf8').on('data', (data: string) => (printed += data));
    await type(newUser);
  });
  afterAll(async () => {
    shell?.stdin.end();
    await killNine(service);
    rmSync(home, { recursive: true, force: true });
  });

  /** @returns what it prints */
  const type = async (text: string): Promise<string> => {
    printed = '';
    shell.stdin.write(`${text.replaceAll('localhost:8000', address)}\nprintf '\\n${END}'\n`);
    await until('the shell is done', () => printed.endsWith(`\n${END}`));
    return printed.slice(0, -END.length - 1);
  };

  const run = async (command: string) => {
    const stdout = await type(command);
    const [head = '', body = ''] = stdout.split(/\r\n\r\n(.*)/s);
    const headers = Object.fromEntries(head.split('\r\n').map((line) => line.split(/: (.*)/).slice(0, 2)));
    lastTask = /"task_id":"(task_\w+)"/.exec(body)?.[1] ?? lastTask;
    return { status: Number(head.split(' ')[1]), headers, body };
  };

  const hasEnded = async (taskId: string): Promise<boolean> => {
    const answer = await fetch(`http://${address}/api/users/tasks/${taskId}`);
    return ((await answer.json()) as { finished_at: string | null }).finished_at !== null;
  };

  const check = ({ status, headers, members, code, json }: Promised, answer: Awaited<ReturnType<typeof run>>): void => {
    expect(answer.status, answer.body).toBe(status);
    for (const [name, value] of headers) expect(masked(answer.headers[name] ?? ''), name).toBe(masked(value));
    const isJson = answer.headers['content-type']?.includes('json');
    const body = isJson ? JSON.parse(masked(answer.body)) : {};
    expect(body.items?.length === 1 ? { ...body.items[0], ...body } : body).toMatchObject(members);
    if (code !== undefined) expect(body.code).toBe(code);
    if (json !== undefined) expect(body).toEqual(JSON.parse(masked(JSON.stringify(json))));
  };

  it.each(examples)('$title', async ({ preparation, command, answers }) => {
    expect(answers.length, 'the README says what is answered').toBeGreaterThan(0);
    await type(preparation);
    for (const [index, answer] of answers.entries()) {
      // First with the id that the request before returned, as the README says; then as it stands.
      const typed = index === 0 ? command.replace(PLACEHOLDER, lastTask) : command;
      const once = async () => check(answer, await run(typed));
      // What these show is a moment behind: a task that runs, and the search.
      if (typed !== command || command.includes('q=')) await vi.waitFor(once, { timeout: 30_000, interval: 50 });
      else await once();
      // What comes next in the README counts on it.
      if (answer.status === 202) await until('the task has ended', () => hasEnded(lastTask));
    }
  });

  it('change no user but one of their own, so that a new one renumbers none', () => {
    for (const { title, preparation, command } of examples.slice(FOUR_REQUESTS)) {
      const block = preparation + command;
      expect(block.startsWith('new_user\n') || !block.includes('$user'), title).toBe(true);
      expect(block, title).not.toMatch(/-X \w+ "?http\S+\/users\/\w/);
    }
  });

  it('show every route of the API', async () => {
    const document = JSON.parse((await run('curl http://localhost:8000/openapi.json')).body);
    const shown = examples.map(({ command }) => {
      const url = /(http:|\$user)[^\s"]*/.exec(command)?.[0].replace('$user', 'http://localhost:8000/api/users/id');
      const path = new URL(url ?? '').pathname.replace(/\/$/, '');
      return `${/-X (\w+)/.exec(command)?.[1] ?? 'GET'} ${path}`;
    });
    for (const [path, methods] of Object.entries<object>(document.paths)) {
      if (path === '/openapi.json') continue;
      const pattern = new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`);
      for (const method of Object.keys(methods)) {
        const found = shown.some((request) => request.startsWith(`${method.toUpperCase()} `) && pattern.test(request.split(' ')[1] ?? ''));
        expect(found, `${method} ${path}`).toBe(true);
      }
    }
  });
});

it('the .env of the README is one that the service takes', () => {
  const [, text = ''] = /```env\n(.*?)\n```/s.exec(page) ?? [];
  expect(readConfig(parseEnv(text) as NodeJS.ProcessEnv)).toMatchObject({
    DATABASE_URL: { kind: 'postgres' },
    NATS_STREAM: 'lumin-events',
  });
});

const natsUrl = inject('natsUrl');

describe.skipIf(natsUrl === null)('the programs of the README [needs NATS: set TEST_NATS_URL or install nats-server]', () => {
  const unique = `t${randomBytes(5).toString('hex')}`;
  const programs = [...page.matchAll(/```js\n(.*?)\n```/gs)].map(([, text = '']) => text);
  const running: ChildProcessWithoutNullStreams[] = [];
  let service: Child;
  let address: string;
  let store: Store;
  let nats: NatsConnection;
  let streams: JetStreamManager['streams'];

  beforeAll(async () => {
    store = await anyStore();
    service = startMain({ DATABASE_URL: store.url, NATS_URL: natsUrl ?? '', NATS_STREAM: unique, NATS_SUBJECT_PREFIX: unique });
    address = await listening(service);
    await until('the service is ready', async () => (await fetch(`${address}/health/ready`)).ok);
    nats = await connect({ servers: new URL(natsUrl ?? '').host });
    ({ streams } = await jetstreamManager(nats));
  });
  afterEach(() => {
    for (const program of running.splice(0)) program.kill('SIGKILL');
  });
  afterAll(async () => {
    await killNine(service);
    await store.drop();
    for (const stream of [unique, `${unique}-tasks`]) await streams.delete(stream).catch(() => {});
    await nats.close();
  });

  /** Three events: a user is created and changed, and somebody views the profile. */
  const aLife = async (): Promise<string> => {
    const send = async (method: string, path: string, body: object) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${address}/api/users${path}`, { method, headers, body: JSON.stringify(body) });
      expect(answer.ok).toBe(true);
      return (await answer.json()) as { user_id: string };
    };
    const { user_id } = await send('POST', '', aUser());
    await send('PATCH', `/${user_id}/bio`, { new_bio: 'Hi' });
    await send('POST', `/${user_id}/profile-views`, { viewer_id: '6ba7b810-9dad-41d1-80b4-00c04fd430c8' });
    return user_id;
  };

  /** The lines as they stand; only the addresses and the name of the stream are ours. @returns what they print, line by line */
  const run = (mark: string): (() => string[]) => {
    const program = programs.filter((text) => text.includes(mark));
    expect(program).toHaveLength(1);
    const text = (program[0] as string)
      .replaceAll('localhost:8000', new URL(address).host)
      .replaceAll('localhost:4222', new URL(natsUrl ?? '').host)
      .replaceAll('lumin-events', unique);
    const child = spawn(node, ['--input-type=module', '--eval', text], { cwd: root });
    running.push(child);
    let printed = '';
    for (const output of [child.stdout, child.stderr]) output.setEncoding('utf8').on('data', (data: string) => (printed += data));
    return () => printed.split('\n').slice(0, -1);
  };

  it('read the live feed from its beginning, and what happens meanwhile', async () => {
    const user = await aLife();
    const printed = run('new WebSocket');
    await until('the past is printed', () => printed().some((line) => line.includes(user)));
    const [subscribed, ...events] = printed().map((line) => JSON.parse(line));
    expect(subscribed).toEqual({ op: 'subscribed', position: '0' });
    expect(events.map(({ position }) => position)).toEqual(events.map((_, index) => String(index + 1)));
    const other = await aLife();
    await until('the present is printed', () => printed().filter((line) => line.includes(`"subject":"${other}"`)).length === 3);
  });

  it('read the stream in NATS, and drop what they know when it is filled again', async () => {
    const lifeOf = (user: string) => [
      `lumin.users.UserCreated.v1 ${user} 1`,
      `lumin.users.UserBioChanged.v1 ${user} 2`,
      `lumin.users.ProfileViewed.v1 ${user} 1`,
    ];
    const first = await aLife();
    await until('the stream is there', () => streams.info(unique).catch(() => null));
    const printed = run('versions.get');
    const about = (user: string) =>
      printed()
        .filter((line) => line.includes(user))
        .map((line) => line.replace(/ \[.*/, ''));
    await until('the past is printed', () => about(first).length === 3);
    await streams.purge(unique);
    await until('the stream is filled again', async () => (await streams.info(unique)).state.messages >= 3);
    const second = await aLife();
    await until('the present is printed', () => about(second).length === 3);
    expect(about(first)).toEqual(lifeOf(first));
    expect(about(second)).toEqual(lifeOf(second));
  });
});

describe('README.ru.md', () => {
  const twin = read('README.ru.md');
  const all = (markdown: string, pattern: RegExp): string[] => [...markdown.matchAll(pattern)].map(([whole, part]) => part ?? whole);
  const prose = (markdown: string): string => markdown.replace(FENCE, '');

  it('has the same code blocks', () => {
    expect(all(twin, /```\w+\n.*?\n```/gs)).toEqual(all(page, /```\w+\n.*?\n```/gs));
  });

  it('has the same headings, statuses and pictures, in the same order', () => {
    expect(all(prose(twin), /^(#+) /gm)).toEqual(all(prose(page), /^(#+) /gm));
    expect(all(prose(twin), /\b(\d{3})\b/g)).toEqual(all(prose(page), /\b(\d{3})\b/g));
    expect(all(twin, /!\[[^\]]*\]\(([^)]+)\)/g)).toEqual(all(page, /!\[[^\]]*\]\(([^)]+)\)/g));
  });
});
