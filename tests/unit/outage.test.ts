import { describe, expect, it } from 'vitest';
import { outage } from '../../src/infrastructure/concurrency/outage.ts';

const rig = (reasonOf?: (error: unknown) => string) => {
  const told: unknown[] = [];
  return { told, trouble: outage((error, reason) => told.push([error, reason]), reasonOf) };
};

describe('an outage', () => {
  it('is told of once, however often it is met', () => {
    const { told, trouble } = rig();
    trouble.report('first');
    trouble.report('second');
    expect(told).toEqual([['first', 'away']]);
  });

  it('is told of again after it was over', () => {
    const { told, trouble } = rig();
    trouble.report('first');
    expect([trouble.over(), trouble.over()]).toEqual([true, false]);
    trouble.report('second');
    expect(told).toHaveLength(2);
  });

  it('is told of again where the reason becomes another one', () => {
    const { told, trouble } = rig(String);
    for (const error of ['full', 'full', 'gone', 'full']) trouble.report(error);
    expect(told).toEqual([
      ['full', 'full'],
      ['gone', 'gone'],
      ['full', 'full'],
    ]);
  });

  it('has a reason for as long as it lasts', () => {
    const { trouble } = rig(String);
    expect(trouble.reason()).toBeNull();
    trouble.report('full');
    expect(trouble.reason()).toBe('full');
    trouble.over();
    expect(trouble.reason()).toBeNull();
  });
});
