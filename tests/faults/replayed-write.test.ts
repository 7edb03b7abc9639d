import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, inject, it } from 'vitest';
import { killNine, listening, startMain } from '../fixtures/child.ts';
import { anyStore } from '../fixtures/database-kinds.ts';
import { until } from '../fixtures/until.ts';

describe.skipIf(inject('postgresUrl') === null)('a change that was committed and answered with an error [needs PostgreSQL]', () => {
  it('is seen by the client that asks again and then reads', async () => {
    const place = await anyStore();
    const child = startMain({ DATABASE_URL: place.url, LUMIN_TEST_FAILPOINTS: 'batch.committed=throw@2' });
    try {
      const address = await listening(child);
      await until('it is ready', async () => (await fetch(`${address}/health/ready`)).ok);
      const [user_id, key] = [randomUUID(), randomUUID()];
      const ask = async (method: string, path: string, body?: object) => {
        const headers = body ? { 'content-type': 'application/json', 'idempotency-key': key } : {};
        const answer = await fetch(`${address}/api/users${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
        return [answer.status, answer.headers.get('etag')];
      };
      await ask('POST', '', { user_id, username: { first_name: 'Ann' }, email: 'ann@example.com' });
      // Until the cache follows the log and serves what it has, which cannot be seen from outside.
      await sleep(500);
      expect(await ask('GET', `/${user_id}`)).toEqual([200, '"1"']);
      const rename = () => ask('PATCH', `/${user_id}/username`, { first_name: 'Ada' });
      expect((await rename())[0]).toBe(500);
      expect(await rename()).toEqual([200, '"2"']);
      expect(await ask('GET', `/${user_id}`)).toEqual([200, '"2"']);
    } finally {
      await killNine(child);
      await place.drop();
    }
  });
});
