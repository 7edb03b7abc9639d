import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, onRequestHookHandler } from 'fastify';

/**
 * Nothing from another host but the service's own public one, and no upgrade to https, which a service without TLS could not
 * answer.
 */
const contentSecurityPolicy = (publicUrl: string): string =>
  [
    "default-src 'self'",
    ...(publicUrl === '' ? [] : [`connect-src 'self' ${new URL(publicUrl).origin}`]),
    "img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
  ].join('; ');

/** The page's addresses are relative to /docs or /docs/; its script can do nothing with what else an address may have. */
const toPage: onRequestHookHandler = ({ url }, reply, done) => {
  const [path = '', query] = url.split('?');
  if (path.endsWith('/static/index.html')) reply.redirect('../');
  else if (query !== undefined && path.endsWith('/docs/')) reply.redirect('./');
  else if (query !== undefined && path.endsWith('/docs')) reply.redirect('docs');
  else done();
};

declare const location: { origin: string; href: string };

/** Runs in the page. Behind a proxy that takes a prefix off, a request for /api/… goes where the page itself came from. */
const besidePage = (request: { url: string; loadSpec?: boolean }) => {
  const { origin, href } = location;
  const root = href.replace(/[?#].*/, '').replace(/\/docs\/?$/, '');
  if (!request.loadSpec && request.url.startsWith(`${origin}/`)) request.url = root + request.url.slice(origin.length);
  return request;
};

const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
};

/**
 * The files of the pages are read once: who asks for one and does not read it holds neither memory nor a file open. The plugin's
 * own routes for them match less exactly.
 */
const staticFiles = (server: FastifyInstance, policy: string): void => {
  const folder = fileURLToPath(new URL('static', import.meta.resolve('@fastify/swagger-ui')));
  for (const name of readdirSync(folder)) {
    // The plugin redirects its index to the page itself.
    if (name === 'index.html') continue;
    const type = TYPES[extname(name)] ?? 'application/json; charset=utf-8';
    const bytes = readFileSync(join(folder, name));
    const etag = `"${createHash('sha256').update(bytes).digest('base64url')}"`;
    server.get(`/docs/static/${name}`, { schema: { hide: true } }, ({ headers }, reply) => {
      reply.headers({ etag, 'content-security-policy': policy });
      return headers['if-none-match']?.includes(etag) ? reply.code(304).send() : reply.type(type).send(bytes);
    });
  }
};

/** /docs, which shows /openapi.json; the pages load nothing from another host. */
export const docs = async (server: FastifyInstance, publicUrl: string): Promise<void> => {
  const policy = contentSecurityPolicy(publicUrl);
  staticFiles(server, policy);
  await server.register(swaggerUi, {
    routePrefix: '/docs',
    indexPrefix: '.',
    staticCSP: policy,
    uiHooks: { onRequest: toPage },
    theme: { title: 'Lumin User Service' },
    // BaseLayout: without the bar that loads other documents.
    uiConfig: {
      layout: 'BaseLayout',
      tryItOutEnabled: true,
      validatorUrl: null,
      defaultModelsExpandDepth: 0,
      displayRequestDuration: true,
      ...(publicUrl === '' && { requestInterceptor: besidePage }),
    } as object,
  });
};
