import type { Static, TSchema } from 'typebox';
import type { User } from '../../domain/aggregates/user.ts';
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

/** Ties the types of a command's input and decision together. */
export const command = <S extends TSchema>(definition: Command<S>): Command<S> => definition;
