import { type Branded, InvalidValue } from './value-object.ts';

/** Where a profile was viewed from, in the words of the client's own code: search, chat-list … Not for personal data. */
export type ViewSource = Branded<'ViewSource'>;

export const VIEW_SOURCE_LENGTH = 50;
export const VIEW_SOURCE = /^[a-z0-9][a-z0-9._-]*$/;

export const ViewSource = (text: string): ViewSource => {
  if (text.length > VIEW_SOURCE_LENGTH || !VIEW_SOURCE.test(text)) {
    throw new InvalidValue('invalid-source', 'must be lower-case letters, digits, dots, dashes and underscores');
  }
  return text as ViewSource;
};
