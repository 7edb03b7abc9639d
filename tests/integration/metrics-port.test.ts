import { once } from 'node:events';
import { get } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { killNine, listening, startMain } from '../fixtures/child.ts';
import { type StoreKind, storeKinds } from '../fixtures/database-kinds.ts';
import { freePort } from '../fixtures/own-servers.ts';
import { until } from '../fixtures/until.ts';

const postgres = storeKinds().at(-1) as StoreKind;

const answer = async (url: string) => {
  const response = await fetch(url);
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
};

const statusAs = (host: string, url: string): Promise<number | undefined> =>
  new Promise((resolve, reject) =>
    get(url, { headers: { host } }, (response) => resolve(response.resume().statusCode)).on('error', reject),
  );

describe('METRICS_PORT', () => {
  it('is where the metrics of the API are, and nothing else; they are nowhere else', async () => {
    const child = startMain({ DATABASE_URL: 'pglite://memory', METRICS_PORT: '0' });
    onTestFinished(() => killNine(child));
    const address = await listening(child);
    const metrics = / - metrics (http:\S+)\/metrics - /.exec(child.stdout())?.[1];
    expect(metrics).not.toBe(address);
    expect(await answer(`${metrics}/metrics`)).toMatchObject({ status: 200, text: expect.stringContaining('lumin_ready 1') });
    for (const url of [
      `${address}/metrics`,
      `${metrics}/health`,
      `${metrics}/health/live`,
      `${metrics}/api/users`,
      `${metrics}/docs`,
      `${metrics}/ws`,
    ])
      expect(await answer(url), url).toMatchObject({ status: 404, type: expect.stringContaining('application/problem+json') });
    expect((await answer(`${metrics}/%6Detrics`)).status).toBe(400);
    expect(await statusAs('evil.example', `${metrics}/metrics`)).toBe(421);
    expect(JSON.parse((await answer(`${address}/openapi.json`)).text).paths).not.toHaveProperty('/metrics');
  });

  it('holds up no orderly stop, whoever is connected to it and silent', async () => {
    const child = startMain({ DATABASE_URL: 'pglite://memory', METRICS_PORT: '0' });
    onTestFinished(() => killNine(child));
    await listening(child);
    const { port, hostname } = new URL(/ - metrics (http:\S+) - /.exec(child.stdout())?.[1] ?? '');
    const silent = connect(Number(port), hostname);
    silent.on('error', () => {});
    await once(silent, 'connect');
    child.process.kill('SIGTERM');
    expect(await child.exited, child.stderr()).toBe(0);
    silent.destroy();
  });

  it.skipIf(!postgres.available)('is that of a lone worker too, with or without WORKER_PORT [needs PostgreSQL]', async () => {
    const store = await postgres.make();
    onTestFinished(store.drop);
    const [worker, metrics] = [await freePort(), await freePort()];
    for (const env of [{ WORKER_PORT: String(worker) }, {}]) {
      const child = startMain({ DATABASE_URL: store.url, METRICS_PORT: String(metrics), ...env }, 'worker:tasks');
      await until('it says where it is', () => child.stdout().includes(' - data in '));
      expect((await answer(`http://127.0.0.1:${metrics}/metrics`)).status).toBe(200);
      if (env.WORKER_PORT) {
        expect((await answer(`http://127.0.0.1:${worker}/metrics`)).status).toBe(404);
        expect((await answer(`http://127.0.0.1:${worker}/health/live`)).status).toBe(200);
      }
      await killNine(child);
    }
  });
});

it('the line at the start says where the service listens, with the port that it got', async () => {
  const child = startMain({ DATABASE_URL: 'pglite://memory', HOST: '0.0.0.0', AUTH_MODE: 'off-behind-gateway' });
  onTestFinished(() => killNine(child));
  expect(await listening(child)).toMatch(/^http:\/\/0\.0\.0\.0:[1-9]\d+$/);
});
