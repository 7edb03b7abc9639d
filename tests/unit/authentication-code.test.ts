import { describe, expect, it } from 'vitest';
import { authenticationCode } from '../../src/infrastructure/authentication-code.ts';

describe('an authentication code', () => {
  const code = authenticationCode(() => 'the secret', 'this');

  it('is the same in every process that has the secret, and differs by secret, purpose, parts and where they begin', () => {
    expect(code.of('a', 'b')).toMatch(/^[\w-]{43}$/);
    expect(authenticationCode(() => 'the secret', 'this').of('a', 'b')).toBe(code.of('a', 'b'));
    const others = [
      authenticationCode(() => 'another secret', 'this').of('a', 'b'),
      authenticationCode(() => 'the secret', 'that').of('a', 'b'),
      ...[['a', 'c'], ['ab'], ['ab', ''], ['', 'ab'], ['a', 'b', ''], ['b', 'a'], ['a1:b'], ['1:a', 'b']].map((parts) => code.of(...parts)),
    ];
    expect(new Set([code.of('a', 'b'), ...others]).size).toBe(others.length + 1);
  });

  it.each(['', 'x', 'A'.repeat(42), 'A'.repeat(43), 'A'.repeat(44), 'ä'.repeat(43)])('does not hold where it is %j', (given) => {
    expect(code.holds(given, 'a')).toBe(false);
  });

  it('opens what was sealed under the name, whatever it is, and nothing else', () => {
    for (const text of ['', ' ', 'x y', '\n', '{"ä":"😀"}']) expect(code.open('name', code.seal('name', text))).toBe(text);
    const sealed = code.seal('name', 'x y');
    for (const other of ['', ' ', 'x y', sealed.slice(1), `${sealed} `, sealed.replace('x', 'z'), sealed.trim().split(' ')[0] ?? '']) {
      expect(code.open('name', other)).toBeNull();
    }
    expect(code.open('another', sealed)).toBeNull();
  });
});
