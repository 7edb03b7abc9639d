import { describe, expect, it } from 'vitest';
import { check, invariants } from './checker.ts';
import { evidenceOf, sampleRun } from './evidence-sample.ts';
import { defects } from './planted-defects.ts';

describe('the checker of fault tests', () => {
  it('finds nothing wrong with a run that is right', () => expect(check(evidenceOf(sampleRun()))).toEqual([]));

  it.each(defects)('%s alone sees that %s', (invariant, _, { run, seen }) => {
    const sample = sampleRun();
    run?.(sample);
    const evidence = evidenceOf(sample);
    seen?.(evidence as never);
    const sentences = check(evidence);
    expect(new Set(sentences.map((sentence) => sentence.split(':', 1)[0])), sentences.join('\n')).toEqual(new Set([invariant]));
  });

  it('was shown a defect for every invariant', () =>
    expect(new Set(defects.map(([invariant]) => invariant))).toEqual(new Set(Object.keys(invariants))));
});
