import { describe, expect, it } from 'vitest';
import { feedRoom } from '../../src/presentation/api/feed/feed-room.ts';

describe('the bytes that wait for all clients of the live feed', () => {
  it('are bounded: beyond, the client that has taken nothing for longest is cut off, and only that one', () => {
    let time = 0;
    const room = feedRoom(10_000, () => time++);
    const cut: string[] = [];
    const [stalled, slow] = ['stalled', 'slow'].map((name) => room.enter(() => cut.push(name)));
    for (let message = 0; message < 3; message++) stalled?.add(1_000);
    const sent = Array.from({ length: 4 }, () => slow?.add(1_000));
    expect(cut).toEqual([]);
    slow?.add(1_000);
    expect(cut).toEqual(['stalled']);
    sent.pop()?.();
    for (let message = 0; message < 3; message++) slow?.add(1_000);
    expect(cut).toEqual(['stalled']);
  });

  it('are free again once they are sent, or the client has left, whichever comes first', () => {
    const room = feedRoom(2_000);
    let cuts = 0;
    for (let round = 0; round < 10; round++) {
      const client = room.enter(() => cuts++);
      const sent = client.add(1_000);
      if (round % 2 === 0) sent();
      client.leave();
      sent();
    }
    expect(cuts).toBe(0);
    room.enter(() => cuts++).add(3_000);
    expect(cuts).toBe(1);
  });
});
