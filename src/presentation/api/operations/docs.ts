import type { FastifyInstance } from 'fastify';
import { docsScript } from './docs-script.ts';
import { asset, hashOf } from './pages/page.ts';

const script = asset('docs.js');

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lumin User Service</title>
<link rel="icon" href="data:,">
</head>
<body>
<div id="app"></div>
<noscript>The documentation needs JavaScript; the document itself is <a href="openapi.json">openapi.json</a>.</noscript>
<script src="docs/scalar.js"></script>
<script type="module">${script}</script>
</body>
</html>
`;

const headers = {
  'content-security-policy': [
    // Nothing from another host, and no upgrade to https, which a service without TLS could not answer.
    "default-src 'none'",
    `script-src 'self' ${hashOf(script)}`,
    // The page's script makes its styles.
    "style-src 'unsafe-inline'",
    "connect-src 'self'",
    "img-src 'self' data:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  ].join('; '),
  'referrer-policy': 'no-referrer',
};

/** /docs, which shows /openapi.json; the page loads nothing from another host. */
export const docs = (server: FastifyInstance): void => {
  const hidden = { schema: { hide: true } };
  const readScript = docsScript();

  server.get('/docs', hidden, ({ url }, reply) => {
    // What the page names is relative to /docs.
    if (/\/docs\/(?:\?|$)/.test(url)) return reply.redirect('../docs');
    return reply.headers(headers).type('text/html; charset=utf-8').send(page);
  });

  server.get('/docs/scalar.js', hidden, async ({ headers: asked }, reply) => {
    const { plain, gzipped, etag } = await readScript();
    reply.headers({ ...headers, etag, vary: 'Accept-Encoding' }).type('text/javascript; charset=utf-8');
    if (asked['if-none-match']?.includes(etag)) return reply.code(304).send();
    if (!/\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:\s*,|\s*$))/.test(asked['accept-encoding']?.toString() ?? '')) return reply.send(plain);
    return reply.header('content-encoding', 'gzip').send(gzipped);
  });
};
