import type { UserId } from '../../../domain/value-objects/user-id.ts';

const USER = 'user-';
const VIEWS = 'views-';
/** In byte order after every name that begins with USER, and before all others that come after those. */
const AFTER_USERS = 'user.';

export const streamOf = (userId: UserId): string => `${USER}${userId}`;

/** The stream of the views of a user's profile, which only append_v1 writes. */
export const viewsOf = (userId: UserId): string => `${VIEWS}${userId}`;

const after = (prefix: string, stream: string): UserId | null =>
  stream.startsWith(prefix) ? (stream.slice(prefix.length) as UserId) : null;

/** The user whose stream this is; null for streams of other kinds. */
export const userIdOfStream = (stream: string): UserId | null => after(USER, stream);

/** The user whose profile's views this stream holds; null for streams of other kinds. */
export const userIdOfViews = (stream: string): UserId | null => after(VIEWS, stream);

/** The same in SQL. What goes in are expressions: an id is a uuid or a text, a stream a text. */
export const inSql = {
  streamOf: (id: string): string => `'${USER}' || ${id}`,
  viewsOf: (id: string): string => `'${VIEWS}' || ${id}`,
  isOfUser: (stream: string): string => `${stream} like '${USER}%'`,
  userIdOfStream: (stream: string): string => `substr(${stream}, ${USER.length + 1})::uuid`,
  userIdOfViews: (stream: string): string => `substr(${stream}, ${VIEWS.length + 1})::uuid`,
  /** Whether a stream is a user's and comes after that of the id, or of nobody where that is ''. */
  isOfUserAfter: (stream: string, id: string): string => `${stream} > '${USER}' || ${id} and ${stream} < '${AFTER_USERS}'`,
};
