import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../fixtures/child.ts';
import { type Service, startOwnService } from '../fixtures/http-service.ts';

const client = new URL('../fixtures/generated-client/client.ts', import.meta.url);
const generated = new URL('./openapi.ts', client).pathname;

/** What the compiler, set as for this project, says of the client and the types that `text` has for it. */
const mistakesWith = (text: string): string[] => {
  const { config } = ts.readConfigFile(`${root}/tsconfig.json`, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [client.pathname] }, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile } = host;
  host.fileExists = (name) => name === generated || fileExists(name);
  host.getSourceFile = (name, target, ...rest) =>
    name === generated ? ts.createSourceFile(name, text, target) : getSourceFile(name, target, ...rest);
  const program = ts.createProgram([client.pathname], options, host);
  const files = [client.pathname, generated].map((name) => program.getSourceFile(name));
  return files
    .flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
    .map(({ messageText, file, start }) => {
      const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
      return `line ${line}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
};

describe('a client made from the OpenAPI document by openapi-typescript and openapi-fetch', () => {
  let service: Service;
  let address: string;

  beforeAll(async () => {
    service = await startOwnService();
    address = await service.server.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(() => service.stop());

  it('compiles under strict; with what the document does not allow it would not', async () => {
    const types = astToString(await openapiTS(service.openapi));
    expect(mistakesWith(types)).toEqual([]);
  });

  it('performs every operation', async () => {
    const { performEverything } = await import(client.href);
    const documented = Object.entries<object>(service.openapi.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect([...(await performEverything(address))].sort()).toEqual(documented.sort());
  });
});
