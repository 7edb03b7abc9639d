import {
  bounded,
  cachesAreCurrent,
  endsInTime,
  heals,
  healthIsTrue,
  keysAnswerOnce,
  oneWinner,
  onlyHonestErrors,
  readsOnlyGoForward,
} from './checks-of-answers.ts';
import { deliveredInOrder, publishedIsTheLog } from './checks-of-delivery.ts';
import {
  appendOnly,
  asIfOneByOne,
  heldByOne,
  onceInTheLog,
  rowsAreFolds,
  survivesCrashes,
  tasksEnd,
  versionsInOrder,
  visibleInOrder,
} from './checks-of-log.ts';
import type { Evidence, Invariant } from './evidence.ts';

/** What must hold whatever breaks. Each function reads the evidence of one run at rest and says where its invariant does not hold. */
export const invariants = {
  I1: onceInTheLog,
  I2: versionsInOrder,
  I3: appendOnly,
  I4: visibleInOrder,
  I5: asIfOneByOne,
  I6: rowsAreFolds,
  I7: readsOnlyGoForward,
  I8: cachesAreCurrent,
  I9: publishedIsTheLog,
  I10: deliveredInOrder,
  I11: heldByOne,
  I12: keysAnswerOnce,
  I13: oneWinner,
  I14: tasksEnd,
  I18: survivesCrashes,
  I19: bounded,
  I20: endsInTime,
  I21: heals,
  I22: healthIsTrue,
  I23: onlyHonestErrors,
} satisfies Record<string, Invariant>;

/** Sentences, each beginning with the invariant's number; none where all is well. */
export const check = (evidence: Evidence): string[] =>
  Object.entries(invariants).flatMap(([name, invariant]) => invariant(evidence).map((mistake) => `${name}: ${mistake}`));
