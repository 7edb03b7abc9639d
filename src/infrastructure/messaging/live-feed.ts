import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { cloudEvent } from '../../application/feed/cloud-event.ts';
import type { EventFeed, PublicEvent } from '../../application/feed/event-feed.ts';
import type { LiveFeed, Reader } from '../../application/feed/live-feed.ts';
import type { Outage } from '../concurrency/outage.ts';
import { Poller } from '../concurrency/poller.ts';
import { singleFlightBy } from '../concurrency/single-flight.ts';
import { retriedRead } from '../persistence/database/retried-read.ts';
import { isSameEvent, type LogChange } from '../persistence/log/seen-event.ts';

const POLL_MS = 50;
const RETRY_MS = 500;
/** Events that one read takes. */
const PAGE = 500;
/** Events sent before others get their turn. */
const AT_ONCE = 1_000;
/** Readers that are sent a page at the same time; the others hold nothing but their position, and take their turns. */
const TURNS = 8;
const EVERYBODY = 'everybody';

/** A reader and the last position that it has been sent, or that it has no interest in. */
type Follower = { readonly reader: Reader; position: number; left: boolean };
type Rendered = { readonly position: number; readonly text: Uint8Array };
/** `head`: up to there is nothing else. */
type Page = { readonly head: number; readonly more: boolean; readonly events: readonly Rendered[] };

/**
 * One tail of the log for all readers, which reads only while there are any. Who resumes further back catches up page by page,
 * as fast as it can take them, and joins the tail at the end of the log. A page is made into text once for all who ask for it at
 * the same time, and nobody keeps it while a reader does not take it. Everything comes from the log, so a store that is away
 * delays events and loses none.
 */
export class LogFeed implements LiveFeed {
  readonly #feed: EventFeed;
  readonly #onOtherLog: (change: LogChange) => void;
  readonly #away: Pick<Outage, 'report' | 'over'>;
  readonly #poller: Poller;
  readonly #followers = new Set<Follower>();
  readonly #joining = new Set<Follower>();
  /** The followers that are at the end of the log, by the user whose events they want. */
  readonly #live = new Map<string, Set<Follower>>();
  /** All who are live have seen everything up to here. */
  #position = 0;
  /** The event at that position, once it was read. */
  #last: PublicEvent | null = null;
  /** How often all had to begin again. What was read before says nothing of the log that is there now. */
  #logs = 0;
  #turns = 0;
  /** Who waits for a turn, and what gives it. */
  readonly #waiting = new Map<Follower, () => void>();
  readonly #pages = singleFlightBy<Page>();
  #reading: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(feed: EventFeed, onOtherLog: (change: LogChange) => void, away: Pick<Outage, 'report' | 'over'>) {
    this.#feed = feed;
    this.#onOtherLog = onOtherLog;
    this.#away = away;
    this.#poller = new Poller(() => this.#tail(), POLL_MS, away);
  }

  head(): Promise<number> {
    return retriedRead(() => this.#feed.head());
  }

  /** How many follow it, those included that still catch up. */
  readers(): number {
    return this.#followers.size;
  }

  follow(reader: Reader, after: number): () => void {
    const follower: Follower = { reader, position: after, left: false };
    this.#followers.add(follower);
    if (this.#live.size > 0 && after >= this.#position) this.#join(follower);
    else void this.#catchUp(follower);
    return () => this.#leave(follower);
  }

  /** Sends nobody any more of a log that is not the one that they follow. */
  beginAgain(): void {
    for (const follower of this.#followers) {
      this.#leave(follower);
      follower.reader.beginAgain();
    }
    this.#last = null;
    this.#logs++;
  }

  /** Sends no more, and waits for reads that are under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([this.#poller.stop(), this.#reading]);
  }

  async #catchUp(follower: Follower): Promise<void> {
    while (!follower.left && !this.#stopped) {
      if (this.#turns < TURNS) this.#turns++;
      else await new Promise<void>((begin) => this.#waiting.set(follower, begin));
      const sent = await this.#takeTurn(follower);
      this.#endTurn();
      if (sent === 'all') return this.#join(follower);
      // Who had to wait may be far behind again, and joining would take the tail back with it.
      if (sent === 'stalled') await follower.reader.drained();
    }
  }

  #endTurn(): void {
    const [next] = this.#waiting;
    if (next === undefined) return void this.#turns--;
    const [follower, begin] = next;
    this.#waiting.delete(follower);
    begin();
  }

  async #takeTurn(follower: Follower): Promise<'all' | 'more' | 'stalled'> {
    try {
      return await this.#sendPage(follower);
    } catch (error) {
      this.#away.report(error);
      await sleep(RETRY_MS, undefined, { ref: false });
      return 'more';
    }
  }

  async #sendPage(follower: Follower): Promise<'all' | 'more' | 'stalled'> {
    const { head, events, more } = await this.#page(follower);
    // Others who have the same page get their turn, and others still.
    await turn();
    for (const { position, text } of events) {
      if (follower.left || this.#stopped) return 'more';
      follower.position = position;
      if (!follower.reader.send(text)) return 'stalled';
    }
    if (more) return 'more';
    follower.position = Math.max(follower.position, head);
    return 'all';
  }

  /** The follower's next page. One is read at a time, so that a crowd leaves connections to others. */
  #page({ reader: { userId }, position }: Follower): Promise<Page> {
    return this.#pages(`${userId} ${position}`, () => {
      const reading = this.#reading.then(async () => {
        const head = await this.#feed.head();
        const { events, more } = await (userId === null ? this.#feed.read(position, PAGE) : this.#feed.readOf(userId, position, PAGE));
        this.#away.over();
        return { head, more, events: events.map((event) => ({ position: event.position, text: rendered(cloudEvent(event)) })) };
      });
      this.#reading = reading.then(ignore, ignore);
      return reading;
    });
  }

  #join(follower: Follower): void {
    if (follower.left || this.#stopped) return;
    const idle = this.#live.size === 0 && this.#joining.size === 0;
    this.#joining.add(follower);
    if (idle) this.#poller.start();
  }

  #leave(follower: Follower): void {
    const key = follower.reader.userId ?? EVERYBODY;
    this.#followers.delete(follower);
    follower.left = true;
    this.#waiting.delete(follower);
    this.#joining.delete(follower);
    this.#live.get(key)?.delete(follower);
    if (this.#live.get(key)?.size === 0) this.#live.delete(key);
  }

  async #tail(): Promise<boolean> {
    // A newcomer may be a little behind: the tail goes back for it, and the others ignore what they have.
    let from = this.#live.size > 0 ? this.#position : Number.POSITIVE_INFINITY;
    if (this.#live.size === 0) this.#last = null;
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
    // The last event that was seen is read once more: the log must still say the same.
    const logs = this.#logs;
    const { events, more } = await this.#feed.read(Math.max(0, from - 1), PAGE + 1);
    const lost = await this.#lost(from, events, more);
    if (logs !== this.#logs) return true;
    if (lost) this.#onOtherLog(lost);
    if (this.#live.size === 0) return true;
    this.#last = events.at(-1) ?? null;
    let sent = 0;
    for (const event of events) {
      this.#position = event.position;
      sent += this.#hand(event);
      if (sent < AT_ONCE) continue;
      sent = 0;
      await turn();
    }
    return more;
  }

  /** What is gone, where the log no longer has what was seen of it. Below `from` nobody remembers anything. */
  async #lost(from: number, events: readonly PublicEvent[], more: boolean): Promise<LogChange | null> {
    const last = this.#last;
    const found = last && events.find(({ position }) => position === last.position);
    const isThere = last === null || (found ? isSameEvent(found, last) : more);
    if (isThere && (from === 0 || events[0]?.position === from)) return null;
    const head = await this.#feed.head();
    // A log with a hole in it has lost something too, but nothing that anybody was sent.
    return isThere && head >= from ? null : { seen: last?.position ?? from, head };
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

const ignore = (): void => {};

const rendered = (message: ReturnType<typeof cloudEvent>): Uint8Array => Buffer.from(JSON.stringify(message));
