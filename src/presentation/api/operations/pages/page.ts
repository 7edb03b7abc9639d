import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { FastifyReply } from 'fastify';

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
export const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? '');

/** A file beside this one. */
export const asset = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');

export const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const style = asset('page.css');

type Page = {
  title: string;
  /** HTML; what comes from elsewhere is escaped. */
  body: string;
  /** May ask this service, and nobody else. */
  script?: string;
};

/** One of our own pages. It is a single file, so that no prefix of a proxy matters, and its policy lets nothing else in. */
export const sendPage = (reply: FastifyReply, { title, body, script }: Page): FastifyReply =>
  reply
    .type('text/html; charset=utf-8')
    .headers({
      'content-security-policy': [
        "default-src 'none'",
        `style-src ${hashOf(style)}`,
        ...(script === undefined ? [] : [`script-src ${hashOf(script)}`, "connect-src 'self'"]),
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      ].join('; '),
      'referrer-policy': 'no-referrer',
    })
    .send(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
${body}
${script === undefined ? '' : `<script type="module">${script}</script>\n`}</body>
</html>
`);
