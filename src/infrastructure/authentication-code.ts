import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';

/**
 * Whoever can write to Redis or NATS can write anything there. What this service reads back carries a code that only who knows
 * the deployment's secret can make; without it, it counts as not there. Codes are compared in constant time.
 */
export type AuthenticationCode = {
  of: (...parts: readonly string[]) => string;
  holds: (code: string, ...parts: readonly string[]) => boolean;
  /** A text to be kept under a name: with its code before it, which is worth nothing under another name. */
  seal: (name: string, text: string) => string;
  /** Null where it is not a text that was sealed under this name. */
  open: (name: string, sealed: string) => string | null;
};

/** Every purpose has a key of its own, so that a code made for one thing says nothing of another. The secret is asked for at the first use. */
export const authenticationCode = (secret: () => string, purpose: string): AuthenticationCode => {
  let key: KeyObject | null = null;

  const of = (...parts: readonly string[]): string => {
    key ??= createSecretKey(Buffer.from(hkdfSync('sha256', secret(), '', `lumin authentication code: ${purpose}`, 32)));
    const hmac = createHmac('sha256', key);
    // Without the lengths, a piece could be moved from one part to the next.
    for (const part of parts) hmac.update(`${part.length}:`).update(part);
    return hmac.digest('base64url');
  };

  const holds = (code: string, ...parts: readonly string[]): boolean => {
    const [given, right] = [Buffer.from(code), Buffer.from(of(...parts))];
    return given.length === right.length && timingSafeEqual(given, right);
  };

  return {
    of,
    holds,
    seal: (name, text) => `${of(name, text)} ${text}`,
    open: (name, sealed) => {
      const [code = ''] = sealed.split(' ', 1);
      const text = sealed.slice(code.length + 1);
      return holds(code, name, text) ? text : null;
    },
  };
};
