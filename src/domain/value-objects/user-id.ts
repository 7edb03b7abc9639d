import { type Branded, InvalidValue } from './value-object.ts';

/** Any UUID (RFC 9562) in lower case, except the nil and the max one. */
export type UserId = Branded<'UserId'>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const NIL_OR_MAX = /^(?:[0-]+|[fF-]+)$/;

export const UserId = (text: string): UserId => {
  const id = text.length === 36 ? text.toLowerCase() : '';
  if (!UUID.test(id) || NIL_OR_MAX.test(id)) {
    throw new InvalidValue('invalid-uuid', 'must be a UUID, neither all zeros nor all ones');
  }
  return id as UserId;
};
