import { describe, expect, it } from 'vitest';
import { failpoint, failpoints } from '../../src/infrastructure/failpoint.ts';

describe('a fail point', () => {
  it('does nothing unless a test arms it', () => expect(failpoint('batch.sent')).toBeUndefined());

  it('fails every time, or at the time that is named', () => {
    const pass = failpoints('a.b=throw,c=throw@2');
    for (let time = 1; time <= 3; time++) {
      expect(() => pass('a.b')).toThrow('a fail point throws');
      if (time === 2) expect(() => pass('c')).toThrow();
      else expect(pass('c')).toBeUndefined();
      expect(pass('another')).toBeUndefined();
    }
  });

  it('takes time where it is to delay', async () => {
    const started = performance.now();
    await failpoints('a=delay:30')('a');
    expect(performance.now() - started).toBeGreaterThan(25);
  });

  it.each(['a', 'a=', 'a=explode', 'a=throw@0', 'a=kill,', '=kill'])('that is written %j is refused', (text) =>
    expect(() => failpoints(text)).toThrow('LUMIN_TEST_FAILPOINTS'),
  );
});
