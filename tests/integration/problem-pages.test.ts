import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { catalogue, type ProblemCode } from '../../src/domain/problem.ts';
import { problemExample } from '../../src/presentation/api/http/problem-example.ts';
import { statusOf } from '../../src/presentation/api/http/problems.ts';
import { aUser, created, expectProblem } from '../fixtures/http.ts';
import { useService } from '../fixtures/http-service.ts';
import { expectOwnPage, getPage, textOf } from '../fixtures/own-page.ts';

const service = useService();
const codes = (Object.keys(catalogue) as ProblemCode[]).sort();

describe('the page about a problem', () => {
  it.each(codes)('%s says cause, next step and an example', async (code) => {
    const answer = await service.request('GET', `/problems/${code}`);
    const { title, cause, next } = catalogue[code];
    expectOwnPage(answer);
    expect(answer.headers['cache-control']).toBe('public, max-age=3600');
    expect(textOf(/<h1>(.*?)<\/h1>/.exec(answer.text)?.[1] ?? '')).toBe(title);
    expect(sectionsOf(answer.text)).toEqual([
      ['Cause', cause],
      ['Next step', next],
      ['Example', JSON.stringify(problemExample(code), null, 2)],
    ]);
    expect(answer.text).not.toContain('<script');
  });

  it.each(codes)('%s has whole sentences, which also make sense in a task or on the live feed, which have no headers', (code) => {
    const { title, cause, next } = catalogue[code];
    for (const text of [cause, next]) expect(text).toMatch(/^[A-Z].{8,}\.$/);
    expect(title).not.toMatch(/\.$/);
    if (code !== 'method-not-allowed')
      expect(cause + next).not.toMatch(/Retry-After|X-Request-Id|request_id|ETag header|Location|\/docs|The \S+ header/);
  });

  it('is there for nothing else', async () => {
    for (const code of ['nothing', 'constructor', '__proto__', 'Validation-Failed', '%3Cscript%3E', 'x'.repeat(5_000)])
      expectProblem(await service.request('GET', `/problems/${code}`), 404, 'not-found');
  });

  it('shows the documents that the service answers with', async () => {
    const taken = aUser({ email: 'taken@example.com', phone: '+79991234567' });
    const { user_id } = await created(service, taken);
    const at = `/api/users/${user_id}`;
    const { email, phone } = taken as { email: string; phone: string };
    for (const [code, method, url, body] of [
      ['contact-required', 'POST', '/api/users', { username: { first_name: 'Ann' } }],
      ['email-taken', 'POST', '/api/users', aUser({ email, phone: null })],
      ['phone-taken', 'POST', '/api/users', aUser({ phone, email: null })],
      ['validation-failed', 'POST', '/api/users', { username: { first_name: '' }, email: 'ann' }],
      ['query-and-body', 'PATCH', `${at}/bio?new_bio=x`, { new_bio: 'y' }],
      ['invalid-cursor', 'GET', '/api/users?cursor=abc', undefined],
      ['invalid-user-id', 'GET', '/api/users/ann', undefined],
      ['user-exists', 'POST', '/api/users', aUser({ user_id, email: 'other@example.com', phone: null })],
      ['not-found', 'GET', '/nothing', undefined],
      ['task-not-found', 'GET', '/api/users/tasks/task_abc123', undefined],
    ] as const) {
      const answer = await service.request(method, url, body);
      const { request_id } = answer.body;
      expect(answer.body).toEqual({ ...problemExample(code), request_id });
    }
  });
});

describe('the list of problems', () => {
  it.each(['/problems', '/problems/', '/problems?a=b', '/problems/?a=b'])(
    'at %s names each with its status, and leads to its page',
    async (url) => {
      const answer = await getPage(service, url);
      expectOwnPage(answer);
      const links = [...answer.text.matchAll(/<dt><a href="([^"]+)">([^<]+)<\/a><\/dt>\n<dd>([^<]+)<\/dd>/g)];
      expect(links.map(([, , code = '']) => code).sort()).toEqual(codes);
      for (const [, href = '', code = '', text = ''] of links) {
        const path = new URL(href, `http://localhost${url}`).pathname;
        expect(path).toBe(`/problems/${code}`);
        expect(textOf(text)).toBe(`${statusOf(code as ProblemCode)} ${catalogue[code as ProblemCode].title}`);
      }
    },
  );

  it('is the table in docs/problems.md, word for word', () => {
    const table = readFileSync(new URL('../../docs/problems.md', import.meta.url), 'utf8');
    const rows = [...table.matchAll(/^\| *`([^`]+)` *\| *(\d+) *\|(.*)\|$/gm)].map(([, code, status, rest = '']) =>
      [code, status, ...rest.replaceAll('`', '').split('|')].map((cell = '') => cell.trim()),
    );
    const told = codes.map((code) => {
      const { title, cause, next } = catalogue[code];
      return [code, String(statusOf(code)), title, cause, next];
    });
    expect(rows.sort()).toEqual(told.sort());
  });
});

const sectionsOf = (html: string): string[][] =>
  [...html.matchAll(/<h2>(.*?)<\/h2>\n<(p|pre)>(.*?)<\/\2>/gs)].map(([, name = '', , text = '']) => [name, textOf(text)]);
