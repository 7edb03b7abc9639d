import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Store, storeKinds } from '../fixtures/database-kinds.ts';
import { buildContext, replayStage } from '../fixtures/image.ts';
import { root } from '../fixtures/manifests.ts';
import { until } from '../fixtures/until.ts';

const own = resolve(root, 'node_modules/.bin/node');
const asRoot = process.getuid?.() === 0;
// In an image there is no repository, and nothing to compare the image with.
const canBuild = existsSync(join(root, '.git'));
const needed = canBuild ? '' : ' [needs the git history of the project]';

describe.skipIf(!canBuild)(`the production image, its Dockerfile replayed in a bare folder${needed}`, () => {
  let under: string;
  let app: string;
  let node: string;
  let image: ReturnType<typeof replayStage>;
  const children = new Set<ChildProcess>();

  beforeAll(() => {
    under = mkdtempSync(join(tmpdir(), 'lumin-image-'));
    image = replayStage('production', under);
    app = join(image.folder, 'app');
    // Where the image's user may run it, wherever the project lies.
    node = join(under, 'node');
    copyFileSync(existsSync(own) ? own : process.execPath, node);
    writable(join(under, 'compiled'));
  }, 300_000);
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(under, { recursive: true, force: true });
  });

  /** A command of the image, as its user, who may write nowhere in it. */
  const start = ([, ...args]: string[], env: Record<string, string>): ChildProcess => {
    const child = spawn(node, args, {
      cwd: app,
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: join(under, 'compiled'),
        ...image.env,
        HOST: '127.0.0.1',
        LOG_LEVEL: 'error',
        ...env,
      },
      stdio: ['ignore', 'ignore', 'inherit'],
      ...(asRoot && { uid: 1000, gid: 1000 }),
    });
    children.add(child);
    child.once('exit', () => children.delete(child));
    return child;
  };
  const exitCode = async (child: ChildProcess): Promise<number | null> => (await once(child, 'exit'))[0];
  const script = (...args: string[]): string[] => ['node', '--import', './scripts/require-node.mjs', ...args];
  const answers = (url: string) =>
    fetch(url).then(
      (response) => response.json() as any,
      () => null,
    );

  it('has what production needs, and nothing that only development or another system needs', () => {
    expect(readdirSync(app).toSorted()).toEqual(['LICENSE', 'deploy', 'migrations', 'node_modules', 'package.json', 'scripts', 'src']);
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const installed = (names: object) => Object.keys(names).filter((name) => existsSync(join(app, 'node_modules', name)));
    expect(installed(dependencies)).toEqual(Object.keys(dependencies));
    expect(installed(optionalDependencies)).toEqual([]);
    // ajv-formats is a development dependency of ours, and one that Fastify brings.
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    const brought = (name: string) => !packages[`node_modules/${name}`].dev;
    expect(installed(devDependencies).filter((name) => !brought(name))).toEqual([]);
    expect(existsSync(join(app, 'node_modules/typescript'))).toBe(false);
  });

  it('runs everything in one process on the embedded database, is healthy, and ends on SIGTERM', async () => {
    const data = join(under, 'data');
    writable(data);
    const env = { AUTH_MODE: 'off-behind-gateway', DATABASE_URL: `pglite://${data}`, PORT: String(await freePort()) };
    expect(await exitCode(start(['node', 'deploy/healthcheck.mjs'], env))).toBe(1);
    const service = start(image.command, env);
    const health = await until('the service answers', () => answers(`http://127.0.0.1:${env.PORT}/health`));
    expect(health).toMatchObject({ checks: { store: 'ok' } });
    expect(await exitCode(start(['node', 'deploy/healthcheck.mjs'], env))).toBe(0);
    const docs = await fetch(`http://127.0.0.1:${env.PORT}/docs/`);
    expect(docs.status).toBe(200);
    service.kill('SIGTERM');
    expect(await exitCode(service)).toBe(0);
  });

  it('does not start in production before somebody says who checks the callers', async () => {
    expect(await exitCode(start(image.command, { DATABASE_URL: 'pglite://memory' }))).toBe(1);
  });

  describe.skipIf(inject('postgresUrl') === null)('on a server [needs PostgreSQL]', () => {
    let store: Store;
    beforeAll(async () => {
      store = (await storeKinds()
        .find(({ name }) => name === 'PostgreSQL')
        ?.make()) as Store;
    });
    afterAll(() => store?.drop());

    it.each([
      ['api', 'PORT'],
      ['worker:tasks', 'WORKER_PORT'],
    ])('migrates, runs %s alone, and is healthy', async (role, variable) => {
      const port = String(await freePort());
      const env = { AUTH_MODE: 'off-behind-gateway', MIGRATE_ON_START: 'false', DATABASE_URL: store.url, [variable]: port };
      expect(await exitCode(start(script('src/lumin.ts', 'migrate'), env))).toBe(0);
      const service = start(script('src/main.ts', role), env);
      await until(`${role} is ready`, () =>
        fetch(`http://127.0.0.1:${port}/health/ready`).then(
          ({ ok }) => ok,
          () => false,
        ),
      );
      expect(await exitCode(start(['node', 'deploy/healthcheck.mjs'], env))).toBe(0);
      expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(200);
      service.kill('SIGTERM');
      expect(await exitCode(service)).toBe(0);
    });
  });
});

describe.skipIf(!canBuild)(`what images are built from${needed}`, () => {
  it('has the tests and all that they read, and neither history, secrets nor what is made here', () => {
    const files = buildContext();
    expect(files).toEqual(
      expect.arrayContaining([
        'package-lock.json',
        '.npmrc',
        '.gitignore',
        '.env.example',
        'README.md',
        'biome.json',
        'k8s/deployment.yaml',
      ]),
    );
    expect(files.filter((file) => /^(node_modules|\.git|\.lumin|coverage)\/|^\.env$|\.log$/.test(file))).toEqual([]);
  });
});

/** A folder that the image's user may write to. */
const writable = (folder: string): void => {
  mkdirSync(folder, { mode: 0o700 });
  if (asRoot) chownSync(folder, 1000, 1000);
};

const freePort = (): Promise<number> =>
  new Promise((found) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => found(port));
    });
  });
