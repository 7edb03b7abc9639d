const MINUTE_MS = 60_000;
/** A machine that has no time answers late as well, and connections are cut; what is unsure counts where it lasts for this long. */
const PATIENCE_MS = 3_000;
/** What is back for a shorter time has not come back. An outage that returns within a minute waits for twice as long the next time. */
const SETTLED_MS = 1_000;
const LOOK_MS = 250;
/** Reasons that are told of in a minute, where they go on changing. */
const REASONS = 5;

export type Reason = {
  /** What is wrong, in words for people: one text for one situation. */
  text: string;
  code?: string | undefined;
  /** Where to read on, where the text does not say what to do. */
  next?: string;
  /** No answer came in time, or a connection was cut: only where it lasts it is an outage. */
  unsure?: boolean;
  /** In place of what the outage says of its thing. */
  fails?: string;
  /** What is for a developer and not for an operator. */
  err?: unknown;
  level?: 'warn' | 'error';
};

export type OutageLog = Record<'info' | 'warn' | 'error', (fields: object, text: string) => void>;

type Options = {
  log: OutageLog;
  /** `PostgreSQL`, `cannot be reached`, `is back`: the lines are made of these. */
  thing: string;
  fails: string;
  works: string;
  reasonOf: (error: unknown) => Reason;
  /** Where nobody says when it is over: it is when it has not been met for so long. */
  quietMs?: number;
};

type Lasting = {
  since: number;
  metAt: number;
  overAt: number | null;
  toldAt: number | null;
  reasons: number;
  reason: Reason;
  times: number;
};

export type Outage = {
  report: (error: unknown) => void;
  /** The thing works. */
  over: () => void;
  /** Ends it and tells nothing: this process has no more to do with it. */
  forget: () => void;
  /** Null while the thing works. */
  reason: () => Reason | null;
};

/**
 * Tells of what is away or wrong in a line when it begins, at each change of its reason, every minute while it lasts, and when
 * it is over, with its length; however often it is met, by however many. What comes and goes is one outage.
 */
export const outage = ({ log, thing, fails, works, reasonOf, quietMs = Number.POSITIVE_INFINITY }: Options): Outage => {
  let lasting: Lasting | null = null;
  let timer: NodeJS.Timeout | undefined;
  let settledMs = SETTLED_MS;
  let endedAt = Number.NEGATIVE_INFINITY;

  const begin = (at: number, reason: Reason): Lasting => {
    settledMs = at - endedAt < MINUTE_MS ? Math.min(settledMs * 2, MINUTE_MS) : SETTLED_MS;
    timer = setInterval(look, LOOK_MS).unref();
    return { since: at, metAt: at, overAt: null, toldAt: null, reasons: 0, reason, times: 0 };
  };

  const tell = (
    { reason: { code, err, level = 'warn', fails: said = fails, text, next }, times, since }: Lasting,
    again: boolean,
  ): void => {
    const lasts = again ? `still ${said}, for ${minutesOf(performance.now() - since)} now` : said;
    const fields = { ...(code !== undefined && { code }), ...(again ? { times } : err !== undefined && { err }) };
    log[level](fields, `${thing} ${lasts}: ${text}${next === undefined ? '' : `; ${next}`}`);
  };

  const end = (of: Lasting, at: number): void => {
    forget();
    if (of.toldAt === null) return;
    endedAt = at;
    log.info({ times: of.times }, `${thing} ${works} after ${lengthOf(at - of.since)}`);
  };

  const look = (): void => {
    if (lasting === null) return;
    const now = performance.now();
    if (lasting.overAt !== null && now - lasting.overAt >= settledMs) return end(lasting, lasting.overAt);
    if (now - lasting.metAt > Math.max(quietMs, settledMs)) return end(lasting, lasting.metAt);
  };

  /** Not by a timer: what nobody meets may be over. */
  const tellAgain = (of: Lasting, now: number): void => {
    if (of.toldAt === null || now - of.toldAt < MINUTE_MS) return;
    of.toldAt = now;
    of.reasons = 1;
    tell(of, true);
  };

  const forget = (): void => {
    clearInterval(timer);
    lasting = null;
  };

  return {
    report: (error) => {
      const now = performance.now();
      const reason = reasonOf(error);
      lasting ??= begin(now, reason);
      const isNew = lasting.toldAt === null || reason.text !== lasting.reason.text;
      Object.assign(lasting, { metAt: now, overAt: null, times: lasting.times + 1, reason });
      if (lasting.toldAt === null && reason.unsure && now - lasting.since < PATIENCE_MS) return;
      if (!isNew) return tellAgain(lasting, now);
      if (lasting.reasons >= REASONS) return;
      lasting.toldAt ??= now;
      lasting.reasons++;
      tell(lasting, false);
    },

    over: () => {
      if (lasting?.toldAt === null) forget();
      else if (lasting) lasting.overAt ??= performance.now();
    },

    forget,

    reason: () => (lasting === null || lasting.overAt !== null ? null : lasting.reason),
  };
};

const minutesOf = (ms: number): string => {
  const minutes = Math.round(ms / MINUTE_MS);
  return `${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`;
};

const lengthOf = (ms: number): string => {
  const seconds = Math.round(ms / 1_000);
  const parts = [
    [Math.floor(seconds / 3_600), 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ].filter(([count]) => count !== 0);
  return parts.length === 0 ? 'less than a second' : parts.map((part) => part.join(' ')).join(' ');
};
