import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { catalogue, Problem, type ProblemCode } from '../../../domain/problem.ts';
import { problemExample } from '../http/problem-example.ts';
import { statusOf } from '../http/problems.ts';
import { problemCode, problemResponses } from '../schemas/problem.ts';
import { escaped, sendPage } from './pages/page.ts';

/** The texts change with a release only. */
const CACHED = { 'cache-control': 'public, max-age=3600' };

/** A page for every problem, at the address that its `type` names, and one that lists them. */
export const problemPages = (server: FastifyInstance): void => {
  const described = () => server.hasRoute({ method: 'GET', url: '/openapi.json' });

  server.get('/problems', { schema: { hide: true } }, (request, reply) =>
    sendPage(reply.headers(CACHED), listPage(rootOf(request.url, 1), described())),
  );

  server.get<{ Params: { code: string } }>('/problems/:code', {
    schema: {
      summary: 'About a problem',
      description: 'What a problem code means, an example of it, and what to do about it, for people.',
      operationId: 'getProblemPage',
      tags: ['Documentation'],
      params: Type.Object({ code: Type.Unsafe<string>({ ...problemCode, description: 'A problem code.', examples: ['email-taken'] }) }),
      response: {
        200: { description: 'The page.', content: { 'text/html': { schema: Type.String() } } },
        ...problemResponses('malformed-request', 'not-found'),
      },
    },
    handler: (request, reply) => {
      const { code } = request.params;
      if (!Object.hasOwn(catalogue, code)) throw new Problem('not-found');
      return sendPage(reply.headers(CACHED), page(code as ProblemCode, rootOf(request.url, 2), described()));
    },
  });
};

/** From a page at this depth to where the service begins; relative, so that it leads there behind a proxy that takes a prefix off. */
const rootOf = (url: string, depth: number): string => '../'.repeat(/\/(?:\?|$)/.test(url) ? depth : depth - 1) || './';

const codes = (Object.keys(catalogue) as ProblemCode[]).sort((one, other) => statusOf(one) - statusOf(other));

const listPage = (root: string, described: boolean) => ({
  title: 'Problems',
  body: `<h1>Problems</h1>
<p>Whatever the service refuses, it answers with a problem document (RFC 9457). Programs look at <code>code</code>; <code>type</code> leads to its page.</p>
<dl>
${codes.map((code) => `<dt><a href="${root}problems/${code}">${code}</a></dt>\n<dd>${statusOf(code)} ${escaped(catalogue[code].title)}</dd>`).join('\n')}
</dl>
${described ? `<footer><nav><a href="${root}docs">API documentation</a></nav></footer>` : ''}`,
});

const page = (code: ProblemCode, root: string, described: boolean) => {
  const { title, cause, next } = catalogue[code];
  return {
    title: `${code}: ${title}`,
    body: `<p class="quiet">Problem <code>${code}</code>, status ${statusOf(code)}</p>
<h1>${escaped(title)}</h1>
<h2>Cause</h2>
<p>${escaped(cause)}</p>
<h2>Next step</h2>
<p>${escaped(next)}</p>
<h2>Example</h2>
<pre>${escaped(JSON.stringify(problemExample(code), null, 2))}</pre>
<footer><nav><a href="${root}problems">All problems</a>${described ? ` <a href="${root}docs">API documentation</a>` : ''}</nav></footer>`,
  };
};
