import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { outboxRelay } from '../../src/infrastructure/messaging/outbox-relay.ts';
import { root } from '../fixtures/child.ts';
import { openRelayInMemory } from '../fixtures/relay-in-memory.ts';
import { until } from '../fixtures/until.ts';

const natsUrl = inject('natsUrl');
/** The last commit whose events carry no code. */
const BEFORE = '8b26ba376e4ef3d414611dbf41b3779f899215b4';
const known = spawnSync('git', ['cat-file', '-e', `${BEFORE}^{commit}`], { cwd: root }).status === 0;

describe.skipIf(!known || natsUrl === null)(
  'the relay of a release without codes beside this one [needs NATS and the git history of the project]',
  () => {
    let folder: string;
    let earlier: typeof outboxRelay;
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'lumin-relay-'));
      execFileSync('tar', ['-x', '-C', folder], {
        input: execFileSync('git', ['archive', BEFORE, 'src', 'package.json'], { cwd: root, maxBuffer: 2 ** 28 }),
      });
      symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
      const release = await import(/* @vite-ignore */ join(folder, 'src/infrastructure/messaging/outbox-relay.ts'));
      // Its feed gave the events of a page and nothing else.
      earlier = (options) =>
        release.outboxRelay({
          ...options,
          feed: { ...options.feed, read: async (after: number, limit: number) => (await options.feed.read(after, limit)).events },
        });
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it('goes on where this one stopped, and this one where it stopped: every event once, in order', async () => {
      const rig = await openRelayInMemory(natsUrl as string);
      try {
        for (const release of [earlier, undefined, earlier, earlier, undefined, undefined, earlier, undefined]) {
          rig.write(3);
          const relay = rig.startRelay(release);
          await until('all is published', () => relay.status().position === rig.log.length);
          await rig.stopRelays();
        }
        const positions = (await rig.stored()).map(({ text }) => Number(JSON.parse(text).position));
        expect(positions).toEqual(rig.log.map(({ position }) => position));
        expect(rig.lines).toEqual([]);
      } finally {
        await rig.close();
      }
    });
  },
);
