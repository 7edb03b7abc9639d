import type { FastifyInstance } from 'fastify';
import { Problem } from '../../../domain/problem.ts';
import { asset, escaped, sendPage } from './pages/page.ts';

/** What is there to open, and what it is for. Relative: a proxy may serve all of it under another path. */
const places = [
  ['docs', 'API documentation, where every request can be tried'],
  ['openapi.json', 'OpenAPI document, for generators'],
  ['api/users', 'Users'],
  ['problems', 'What each refusal means'],
  ['metrics', 'Metrics, for Prometheus'],
] as const;

const body = (version: string, hasMetrics: boolean): string => `<h1>Lumin User Service</h1>
<p class="quiet">Version ${escaped(version)}</p>
<dl aria-live="polite">
<dt>Health</dt><dd id="health">asking …</dd>
<dt>Log</dt><dd id="log">connecting …</dd>
</dl>
<noscript><p>Without JavaScript: <a href="health">health</a>.</p></noscript>
<h2>Addresses</h2>
<dl class="list">
${places
  .filter(([path]) => path !== 'metrics' || hasMetrics)
  .map(([path, about]) => `<dt>${about}</dt>\n<dd><a href="${path}">/${path}</a></dd>`)
  .join('\n')}
<dt>Live feed, a WebSocket</dt>
<dd><code id="feed">/ws</code></dd>
</dl>
<h2>The feed from this page's console</h2>
<pre>${escaped(asset('feed-example.js'))}</pre>
<footer class="quiet">This page is shown with AUTH_MODE=off only, to browsers on this machine.</footer>`;

/** For the developer who opens the address that the service prints. Whoever does not ask for HTML finds nothing here. */
export const home = (server: FastifyInstance, version: string): void => {
  const script = asset('home.js');
  server.get('/', { schema: { hide: true } }, (request, reply) => {
    reply.header('vary', 'Accept');
    if (!/\btext\/html\b/i.test(request.headers.accept ?? '')) throw new Problem('not-found');
    const hasMetrics = server.hasRoute({ method: 'GET', url: '/metrics' });
    return sendPage(reply, { title: 'Lumin User Service', body: body(version, hasMetrics), script });
  });
};
