import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { catalogue, Problem, type ProblemCode } from '../../../domain/problem.ts';
import { statusOf } from '../http/problems.ts';
import { problemCode, problemResponses } from '../schemas/problem.ts';

/** A page for every problem, at the address that its `type` names. */
export const problemPages = (server: FastifyInstance): void => {
  server.get<{ Params: { code: string } }>('/problems/:code', {
    schema: {
      summary: 'About a problem',
      description: 'What a problem code means and what to do about it, for people.',
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
      const described = server.hasRoute({ method: 'GET', url: '/openapi.json' });
      return (
        reply
          .type('text/html; charset=utf-8')
          .header('content-security-policy', "default-src 'none'")
          // Relative, so that it leads there behind a proxy that takes a prefix off the path.
          .send(page(code as ProblemCode, described && (/\/(?:\?|$)/.test(request.url) ? '../../docs' : '../docs')))
      );
    },
  });
};

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

const page = (code: ProblemCode, docs: string | false): string => {
  const { title, help } = catalogue[code];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${code}</title>
<h1>${escaped(title)}</h1>
<p><code>${code}</code>, status ${statusOf(code)}</p>
<p>${escaped(help)}</p>
${docs === false ? '' : `<p><a href="${docs}">API documentation</a></p>\n`}</html>
`;
};
