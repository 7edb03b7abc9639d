import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@hey-api/openapi-ts';
import { generate } from 'orval';
import ts from 'typescript';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { root } from '../fixtures/child.ts';
import { useService } from '../fixtures/http-service.ts';

/** Clients that generators write out whole, with programs that use them; the one that is types alone has a test of its own. */
const service = useService();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lumin-clients-'));
  writeFileSync(join(folder, 'openapi.json'), JSON.stringify(service.openapi));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What the compiler says under `strict` of a program and of the client that it imports. */
const mistakesIn = (program: string): string[] => {
  copyFileSync(join(root, 'tests/fixtures/generated-client', program), join(folder, program));
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    types: [],
    target: ts.ScriptTarget.ES2024,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    lib: ['lib.es2024.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    skipLibCheck: true,
  };
  return ts
    .getPreEmitDiagnostics(ts.createProgram([join(folder, program)], options))
    .map(({ messageText, file }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
};

it('a client made by @hey-api/openapi-ts compiles under strict, and so does a program with it', async () => {
  await createClient({
    input: join(folder, 'openapi.json'),
    output: { path: join(folder, 'hey-api'), postProcess: [] },
    logs: { level: 'silent', file: false },
  });
  expect(mistakesIn('with-hey-api.ts')).toEqual([]);
});

it('a client made by orval compiles under strict, and so does a program with it', async () => {
  const target = join(folder, 'orval/client.ts');
  await generate({ input: join(folder, 'openapi.json'), output: { target, client: 'fetch', mode: 'split' } });
  expect(mistakesIn('with-orval.ts')).toEqual([]);
});
