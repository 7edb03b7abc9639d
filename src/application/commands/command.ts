import type { Static, TSchema } from 'typebox';
import { record } from '../../domain/aggregates/aggregate-root.ts';
import { endExpiredBlock, foldUser, type User } from '../../domain/aggregates/user.ts';
import type { ProfileView } from '../../domain/entities/profile-view.ts';
import type { UserEvent } from '../../domain/events/user-events.ts';

/** What a decision may know besides state and input. */
export type Moment = { now: Date };

/** One command: its input schema and its decision. Its name is its key in the registry. */
export type Command<S extends TSchema = TSchema> = {
  input: S;
  decide: (user: User | null, input: Static<S>, moment: Moment) => UserEvent[];
  /** Marks the one command whose user does not exist yet. */
  creates?: true;
  /** A view of the user's profile to be recorded; it goes to a stream of its own. */
  view?: (input: Static<S>, moment: Moment) => ProfileView;
  /** A command to run at a later time because of this one. */
  later?: (input: Static<S>) => { command: string; input: unknown; due: string } | undefined;
};

/**
 * What the command comes to at this moment. A block whose time is over needs nobody to end it: its end comes before whatever
 * the command itself does, and the command meets the user as it is then. A view is none of the user's business.
 */
export const decisionOf = <S extends TSchema>(
  { decide, view }: Command<S>,
  user: User | null,
  input: Static<S>,
  moment: Moment,
): { ended: UserEvent[]; own: UserEvent[] } => {
  const ended = view ? [] : endExpiredBlock(user, moment.now);
  const current = ended.length > 0 ? foldUser(user, record(ended, moment.now.toISOString())) : user;
  return { ended, own: decide(current, input, moment) };
};

/** Ties the types of a command's input and decision together. */
export const command = <S extends TSchema>(definition: Command<S>): Command<S> => definition;
