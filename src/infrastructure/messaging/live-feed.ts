import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { cloudEvent } from '../../application/feed/cloud-event.ts';
import type { EventFeed, PublicEvent } from '../../application/feed/event-feed.ts';
import type { LiveFeed, Reader } from '../../application/feed/live-feed.ts';
import { outage } from '../concurrency/outage.ts';
import { Poller } from '../concurrency/poller.ts';
import { retriedRead } from '../persistence/database/retried-read.ts';

const POLL_MS = 50;
const RETRY_MS = 500;
/** Events that one read takes. */
const PAGE = 500;
/** Events sent before others get their turn. */
const AT_ONCE = 1_000;
const EVERYBODY = 'everybody';

/** A reader and the last position that it has been sent, or that it has no interest in. */
type Follower = { readonly reader: Reader; position: number; left: boolean };

/**
 * One tail of the log for all readers, which reads only while there are any. Who resumes further back catches up by
 * reads of its own, as fast as it can take them, and joins the tail at the end of the log. Everything comes from the log,
 * so a store that is away delays events and loses none.
 */
export class LogFeed implements LiveFeed {
  readonly #feed: EventFeed;
  readonly #away: ReturnType<typeof outage>;
  readonly #poller: Poller;
  readonly #joining = new Set<Follower>();
  /** The followers that are at the end of the log, by the user whose events they want. */
  readonly #live = new Map<string, Set<Follower>>();
  /** All who are live have seen everything up to here. */
  #position = 0;
  #readers = 0;
  #catchingUp: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(feed: EventFeed, onError: (error: unknown) => void) {
    this.#feed = feed;
    this.#away = outage(onError);
    this.#poller = new Poller(() => this.#tail(), POLL_MS, this.#away.report);
  }

  head(): Promise<number> {
    return retriedRead(() => this.#feed.head());
  }

  /** How many follow it, those included that still catch up. */
  readers(): number {
    return this.#readers;
  }

  follow(reader: Reader, after: number): () => void {
    this.#readers++;
    const follower: Follower = { reader, position: after, left: false };
    if (this.#live.size > 0 && after >= this.#position) this.#join(follower);
    else void this.#catchUp(follower);
    return () => this.#leave(follower);
  }

  /** Sends no more, and waits for reads that are under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([this.#poller.stop(), this.#catchingUp]);
  }

  async #catchUp(follower: Follower): Promise<void> {
    const { reader } = follower;
    while (!follower.left && !this.#stopped) {
      try {
        const { head, events } = await this.#next(follower);
        let waited = false;
        for (const event of events) {
          if (follower.left) return;
          follower.position = event.position;
          if (reader.send(rendered(cloudEvent(event)))) continue;
          waited = true;
          await reader.drained();
        }
        if (events.length === PAGE) continue;
        follower.position = Math.max(follower.position, head);
        // A follower that had to wait may be far behind again, and joining would take the tail back with it.
        if (!waited && !follower.left) return this.#join(follower);
      } catch (error) {
        this.#away.report(error);
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  /** The next page, and a position up to which there is nothing else. One follower at a time, so that a crowd leaves connections to others. */
  #next({ reader: { userId }, position }: Follower): Promise<{ head: number; events: PublicEvent[] }> {
    const reading = this.#catchingUp.then(async () => {
      const head = await this.#feed.head();
      const events = await (userId === null ? this.#feed.read(position, PAGE) : this.#feed.readOf(userId, position, PAGE));
      this.#away.over();
      return { head, events };
    });
    this.#catchingUp = reading.catch(() => {});
    return reading;
  }

  #join(follower: Follower): void {
    if (this.#stopped) return;
    const idle = this.#live.size === 0 && this.#joining.size === 0;
    this.#joining.add(follower);
    if (idle) this.#poller.start();
  }

  #leave(follower: Follower): void {
    const key = follower.reader.userId ?? EVERYBODY;
    if (!follower.left) this.#readers--;
    follower.left = true;
    this.#joining.delete(follower);
    this.#live.get(key)?.delete(follower);
    if (this.#live.get(key)?.size === 0) this.#live.delete(key);
  }

  async #tail(): Promise<boolean> {
    // A newcomer may be a little behind: the tail goes back for it, and the others ignore what they have.
    let from = this.#live.size > 0 ? this.#position : Number.POSITIVE_INFINITY;
    for (const follower of this.#joining) {
      const key = follower.reader.userId ?? EVERYBODY;
      this.#live.set(key, (this.#live.get(key) ?? new Set()).add(follower));
      from = Math.min(from, follower.position);
    }
    this.#joining.clear();
    if (this.#live.size === 0) {
      void this.#poller.stop();
      return false;
    }
    this.#position = from;
    const events = await this.#feed.read(from, PAGE);
    this.#away.over();
    let sent = 0;
    for (const event of events) {
      this.#position = event.position;
      sent += this.#hand(event);
      if (sent < AT_ONCE) continue;
      sent = 0;
      await turn();
    }
    return events.length === PAGE;
  }

  /** Hands an event, made into text once, to all who want it and do not have it. @returns to how many */
  #hand(event: PublicEvent): number {
    const message = cloudEvent(event);
    let text: Uint8Array | null = null;
    let sent = 0;
    for (const key of [EVERYBODY, message.subject]) {
      for (const follower of this.#live.get(key) ?? []) {
        if (event.position <= follower.position) continue;
        follower.position = event.position;
        text ??= rendered(message);
        follower.reader.send(text);
        sent++;
      }
    }
    return sent;
  }
}

const rendered = (message: ReturnType<typeof cloudEvent>): Uint8Array => Buffer.from(JSON.stringify(message));
