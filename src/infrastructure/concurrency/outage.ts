/**
 * Tells of what is away or wrong once for as long as it lasts, however often it is met: when it begins, and where the reason
 * becomes another one. Without `reasonOf`, all errors of one outage have the same reason.
 */
export const outage = (tell: (error: unknown, reason: string) => void, reasonOf: (error: unknown) => string = () => 'away') => {
  let reason: string | null = null;
  return {
    report: (error: unknown): void => {
      const found = reasonOf(error);
      if (found === reason) return;
      reason = found;
      tell(error, found);
    },

    /** The thing works. @returns whether that ends an outage */
    over: (): boolean => {
      const ended = reason !== null;
      reason = null;
      return ended;
    },

    /** Null while there is no outage. */
    reason: (): string | null => reason,
  };
};
