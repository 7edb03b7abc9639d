import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import { gzip } from 'node:zlib';

export type Script = { plain: Buffer; gzipped: Buffer; etag: string };

/** In Latin-1 each byte is a character, so the text takes half the memory and the bytes come out as they went in. */
const read = async (): Promise<Script> => {
  const module = readFileSync(new URL(import.meta.resolve('@scalar/fastify-api-reference')), 'latin1');
  const [, literal = ''] = /^var standalone_default = (".*");$/m.exec(module) ?? [];
  const plain = Buffer.from(runInNewContext(literal), 'latin1');
  const etag = `W/"${createHash('sha256').update(plain).digest('base64url')}"`;
  return { plain, gzipped: await promisify(gzip)(plain), etag };
};

/**
 * The script that the page at /docs runs, read when somebody first opens it. Its package has it as a string of a module with a
 * plugin around it; imported, that takes 40 MB and a third of a second from every process that starts.
 */
export const docsScript = (): (() => Promise<Script>) => {
  let script: Promise<Script> | undefined;
  return () => {
    script ??= read();
    return script;
  };
};
