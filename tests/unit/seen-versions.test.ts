import { describe, expect, it } from 'vitest';
import type { PublicEvent } from '../../src/application/feed/event-feed.ts';
import type { Task } from '../../src/application/tasks/task.ts';
import { UserId } from '../../src/domain/value-objects/user-id.ts';
import { seenVersions } from '../../src/infrastructure/cache/seen-versions.ts';

const ID = UserId('550e8400-e29b-41d4-a716-446655440000');

const rig = () => {
  const seen: [string, number][] = [];
  let era = 0;
  const noticed = seenVersions({ invalidate: (userId, version) => seen.push([userId, version]), era: () => era });
  const ask = async (task: Partial<Task> | null): Promise<typeof seen> => {
    const found = task && ({ user_id: ID, command: 'change_email', result_version: null, error: null, ...task } as Task);
    await noticed.tasks({ find: async () => found }, (command) => command === 'count').find('task');
    return seen;
  };
  const feed = async (...streams: string[]): Promise<typeof seen> => {
    const events = streams.map((stream, index) => ({ stream, version: index + 1 }) as PublicEvent);
    const page = async () => ({ events, more: false });
    await noticed.feed({ head: async () => 0, read: page, readOf: page }).read(0, 10);
    return seen;
  };
  /** A read during which the log turns out to be another one. */
  const askMeanwhile = async (): Promise<typeof seen> => {
    const find = async () => {
      era++;
      return { user_id: ID, command: 'change_email', result_version: 4, error: null } as Task;
    };
    await noticed.tasks({ find }, () => false).find('task');
    return seen;
  };
  return { ask, feed, askMeanwhile };
};

describe('what is read past the cache', () => {
  it('tells the version that a task led to, or was refused for', async () => {
    expect(await rig().ask({ result_version: 4 })).toEqual([[ID, 4]]);
    expect(await rig().ask({ error: { code: 'version-conflict', version: 5 } })).toEqual([[ID, 5]]);
  });

  it('tells nothing of a task that is unknown, waits, or leads to a count', async () => {
    for (const task of [null, {}, { command: 'count', result_version: 7 }]) expect(await rig().ask(task)).toEqual([]);
  });

  it('tells nothing that was read of a log that is no more', async () => {
    expect(await rig().askMeanwhile()).toEqual([]);
  });

  it('tells the versions of the events of users, not of what else is in the log', async () => {
    expect(await rig().feed(`user-${ID}`, `views-${ID}`)).toEqual([[ID, 1]]);
  });
});
