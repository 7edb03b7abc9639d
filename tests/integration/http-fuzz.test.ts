import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { aUser, commandsOnUser, created } from '../fixtures/http.ts';
import { type Answer, useService } from '../fixtures/http-service.ts';

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000_000);
const RUNS = 60;
const service = useService();
let url: string;

beforeAll(async () => {
  process.stdout.write(`fuzz seed: FUZZ_SEED=${seed}\n`);
  url = `/api/users/${(await created(service)).user_id}`;
});

/** `request` itself holds every answer against the OpenAPI document. */
const expectFine = ({ status, text }: Answer): void => {
  expect(status, text).toBeLessThan(500);
  expect(text).not.toMatch(/\bat .+\.ts:\d+|select |insert into/i);
};

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.string(),
  fc.webUrl(),
  fc.emailAddress(),
  fc.uuid(),
);
const anyValue = fc.oneof(anyText, fc.jsonValue({ maxDepth: 4 }), fc.double(), fc.bigInt().map(Number), fc.constant(null));

/** Bodies near the ones that are taken: some fields right, some anything, some unknown. */
const near = (body: object) =>
  fc
    .record(Object.fromEntries(Object.entries(body).map(([key, value]) => [key, fc.oneof(fc.constant(value), anyValue)])), {
      requiredKeys: [],
    })
    .chain((some) => fc.dictionary(anyText, anyValue, { maxKeys: 2 }).map((more) => ({ ...more, ...some })));

const anyHeaders = fc.record(
  {
    prefer: fc.oneof(fc.constantFrom('respond-async', 'wait=0', 'wait=1'), fc.stringMatching(/^[\x21-\x7e]{0,40}$/)),
    'if-match': fc.oneof(fc.constantFrom('*', '"1"', 'W/"1"'), fc.stringMatching(/^[\x21-\x7e]{0,40}$/)),
    'idempotency-key': fc.stringMatching(/^[\x20-\xff]{0,40}$/),
    'x-request-id': fc.stringMatching(/^[\x20-\xff]{0,40}$/),
  },
  { requiredKeys: [] },
);

const check = (property: fc.IAsyncProperty<any>) => fc.assert(property, { seed, numRuns: RUNS });

describe.each([
  { method: 'POST' as const, path: '', body: aUser() as object },
  ...commandsOnUser.filter(({ method }) => method !== 'DELETE'),
])('anything sent to $method $path', ({ method, path, body }) => {
  const target = (): string => (method === 'POST' && path === '' ? '/api/users' : url + path);

  it('as JSON body is taken or refused, never a mistake of ours', async () => {
    await check(
      fc.asyncProperty(fc.oneof(near(body ?? {}), anyValue), anyHeaders, async (value, headers) => {
        expectFine(await service.request(method, target(), JSON.stringify(value) ?? 'undefined', headers));
      }),
    );
  });

  it('as query string is taken or refused, never a mistake of ours', async () => {
    const name = Object.keys(body ?? {})[0] ?? 'x';
    const pair = fc.tuple(fc.oneof(fc.constant(name), anyText), anyText);
    await check(
      fc.asyncProperty(fc.array(pair, { maxLength: 3 }), fc.stringMatching(/^[&=%+;[\]\x21-\x7e]{0,30}$/), async (pairs, tail) => {
        const query = pairs.map((words) => words.map((word) => encodeURIComponent(word.toWellFormed())).join('=')).join('&');
        expectFine(await service.request(method, `${target()}?${query}&${tail.replaceAll('#', '')}`));
      }),
    );
  });
});

it('any filters of a list are taken or refused, never a mistake of ours', async () => {
  const value = fc.oneof(
    anyText,
    fc.nat().map(String),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  );
  const filters = fc.record(
    {
      ...Object.fromEntries(['email', 'phone', 'q', 'limit', 'cursor', 'created_after'].map((name) => [name, value])),
      status: fc.constantFrom('active', 'deleted', 'x'),
      sort: fc.constantFrom('created_at', '-created_at', 'email;drop table users'),
    },
    { requiredKeys: [] },
  );
  await check(
    fc.asyncProperty(filters, fc.constantFrom('', `/${'0'.repeat(8)}-0000-4000-8000-000000000001/profile-views`), async (query, path) => {
      const pairs = Object.entries(query).map(([name, text]) => `${name}=${encodeURIComponent(String(text).toWellFormed())}`);
      expectFine(await service.request('GET', `/api/users${path}?${pairs.join('&')}`));
    }),
  );
});

it('any bytes as body are taken or refused, never a mistake of ours', async () => {
  await check(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      expectFine(await service.request('POST', '/api/users', Buffer.from(bytes)));
    }),
  );
});

it('any path is answered, never with a mistake of ours', async () => {
  const word = fc.oneof(
    fc.constantFrom('api', 'users', 'tasks', 'email', 'events', 'docs', 'static', '..', '%2e%2e', '%', ''),
    anyText.map((text) => encodeURIComponent(text.toWellFormed())),
  );
  await check(
    fc.asyncProperty(
      fc.constantFrom('GET', 'POST', 'PATCH', 'DELETE', 'OPTIONS'),
      fc.array(word, { maxLength: 6 }),
      async (method, words) => {
        for (const root of ['', '/docs', '/api/users']) {
          // Dots are resolved on the way in, so the path does not tell which route answers.
          const { statusCode } = await service.server.inject({ method: method as 'GET', url: `${root}/${words.join('/')}` });
          expect(statusCode).toBeLessThan(500);
        }
      },
    ),
  );
});
