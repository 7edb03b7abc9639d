import { OwnError } from './own-error.ts';

/** What kind of refusal a problem is. The presentation layer maps each kind to one HTTP status; no status stands here. */
export type ProblemKind =
  | 'malformed'
  | 'invalid'
  | 'forbidden'
  | 'not-found'
  | 'wrong-method'
  | 'too-slow'
  | 'conflict'
  | 'gone'
  | 'stale'
  | 'too-large'
  | 'headers-too-large'
  | 'unmet'
  | 'misdirected'
  | 'upgrade'
  | 'unsupported'
  | 'unimplemented'
  | 'unavailable'
  | 'bug';

type Entry = {
  kind: ProblemKind;
  /** What is wrong, in a few words. */
  title: string;
  /** Why it is refused. */
  cause: string;
  /** What the reader can do. */
  next: string;
};

/** What HTTP asks of a request, before anybody looks at what it wants. */
const http = {
  'malformed-request': {
    kind: 'malformed',
    title: 'The request cannot be parsed',
    cause: 'The request line, a header, the path or the query string is not valid HTTP or not valid percent-encoded UTF-8.',
    next: 'Correct it and send it again.',
  },
  'malformed-json': {
    kind: 'malformed',
    title: 'What was sent is not valid JSON',
    cause: 'It is empty, cut off or in another format, or an object has a key named __proto__.',
    next: 'Send one JSON object.',
  },
  'duplicate-key': {
    kind: 'malformed',
    title: 'An object names a key twice',
    cause: 'Readers disagree about which of the two counts, so neither is taken.',
    next: 'Send each key once.',
  },
  'too-deep': {
    kind: 'malformed',
    title: 'The JSON is nested too deeply',
    cause: 'Objects and arrays lie within each other on more than 16 levels, and no request needs so many.',
    next: 'Send the fields that the request takes, and no others.',
  },
  'invalid-utf8': {
    kind: 'malformed',
    title: 'What was sent is not valid UTF-8',
    cause: 'JSON is UTF-8, and some of the bytes are not; often the text was encoded as Latin-1 or UTF-16.',
    next: 'Encode it as UTF-8 and send it again.',
  },
  'invalid-user-id': {
    kind: 'malformed',
    title: 'The path does not hold a user id',
    cause: 'A user id is a UUID as in 550e8400-e29b-41d4-a716-446655440000, in either case, neither all zeros nor all ones.',
    next: 'Send the user_id that an answer gave.',
  },
  'invalid-precondition': {
    kind: 'malformed',
    title: 'If-Match or If-None-Match cannot be read',
    cause: 'Each holds * or entity tags in double quotes, and tags in If-Match are versions of a user.',
    next: 'Send the ETag of an earlier answer unchanged, for example If-Match: "3", or *.',
  },
  'invalid-idempotency-key': {
    kind: 'malformed',
    title: 'The Idempotency-Key cannot be used',
    cause: 'A key has one to 255 visible ASCII characters, bare or in double quotes.',
    next: 'Send another key; a UUID is a good choice.',
  },
  'query-and-body': {
    kind: 'invalid',
    title: 'The value is given twice',
    cause: 'The new value stands in the query string and in the JSON body, and the two may differ.',
    next: 'Send it in one of them. The body is the better choice: query strings end up in logs of proxies.',
  },
  'origin-not-allowed': {
    kind: 'forbidden',
    title: 'Pages of this origin may not do this',
    cause: 'A browser sent the request for a page that is not from here, and the operator has not allowed its origin.',
    next: 'The operator lists the origins that may connect to the live feed, or change anything, in ALLOWED_ORIGINS. Programs that are not browsers send no Origin header.',
  },
  'host-not-allowed': {
    kind: 'misdirected',
    title: 'The service is not known by this name',
    cause:
      'Without a gateway that checks callers the service answers as localhost, 127.0.0.1 and [::1] only, so that no page can reach it under a name of its own.',
    next: 'Use one of these names, or have the operator list further ones in ALLOWED_HOSTS.',
  },
  'not-found': {
    kind: 'not-found',
    title: 'There is nothing at this address',
    cause: 'Nothing that this service has is at this path.',
    next: 'Check the path; the API documentation lists those of this service.',
  },
  'method-not-allowed': {
    kind: 'wrong-method',
    title: 'This address does not take this method',
    cause: 'The path is right; the method is none of those that it takes.',
    next: 'Use one of those that the Allow header lists.',
  },
  'request-timeout': {
    kind: 'too-slow',
    title: 'The request took too long to arrive',
    cause: 'Headers must arrive within 10 seconds and the whole request within 15.',
    next: 'Send the request again on a new connection, without a pause in it.',
  },
  'payload-too-large': {
    kind: 'too-large',
    title: 'The body is too large',
    cause: 'A body may have 64 KiB.',
    next: 'Send less; what a field may hold, the API documentation says.',
  },
  'headers-too-large': {
    kind: 'headers-too-large',
    title: 'The request line and headers are too large',
    cause: 'Together they may have 16 KiB, and there may be 100 headers.',
    next: 'Send fewer cookies and headers, and long values in the body.',
  },
  'unsupported-media-type': {
    kind: 'unsupported',
    title: 'The body is not application/json',
    cause: 'A body is JSON in UTF-8 and not compressed, and its Content-Type says so.',
    next: 'Send Content-Type: application/json and no Content-Encoding.',
  },
  'unsupported-transfer-coding': {
    kind: 'unimplemented',
    title: 'The body has a transfer coding that is not known',
    cause: 'Of the transfer codings, chunked is known, and nothing beside it.',
    next: 'Send the body with Content-Length, or with Transfer-Encoding: chunked.',
  },
  'expectation-failed': {
    kind: 'unmet',
    title: 'The expectation cannot be met',
    cause: 'Of what an Expect header may ask for, 100-continue is known.',
    next: 'Send the request with that or without the header.',
  },
  'upgrade-required': {
    kind: 'upgrade',
    title: 'This address speaks WebSocket',
    cause: 'The request is an ordinary one, and events are sent over WebSocket only.',
    next: 'Connect with a WebSocket client (RFC 6455, version 13).',
  },
} as const satisfies Record<string, Entry>;

/** What the rules about users refuse. */
const user = {
  'contact-required': {
    kind: 'invalid',
    title: 'A user needs an email address or a phone number',
    cause: 'There is neither, or the last one was to be removed.',
    next: 'Give at least one of the two; to replace the last one, set the other one first.',
  },
  'user-not-found': {
    kind: 'not-found',
    title: 'There is no such user',
    cause: 'There is no user with this id, or none whose profile may be seen.',
    next: 'Check the id; the list of users finds one by email address or phone number.',
  },
  'user-exists': {
    kind: 'conflict',
    title: 'The user id is taken',
    cause: 'A user with this id exists.',
    next: 'Leave user_id out to have one made, or change the user who exists.',
  },
  'email-taken': {
    kind: 'conflict',
    title: 'The email address is taken',
    cause: 'Another user has this address; upper and lower case are the same address.',
    next: 'Use another address, or look the user up by this one.',
  },
  'phone-taken': {
    kind: 'conflict',
    title: 'The phone number is taken',
    cause: 'Another user has this number, however it was typed.',
    next: 'Use another number, or look the user up by this one.',
  },
  'user-blocked': {
    kind: 'conflict',
    title: 'The user is blocked',
    cause: 'A blocked user can only be blocked again, unblocked or deleted.',
    next: 'Unblock the user first, or wait until the block ends.',
  },
  'user-deleted': {
    kind: 'gone',
    title: 'The user was deleted',
    cause: 'Deleting is final, and the id stays taken.',
    next: 'Create a new user with another id; the email address and the phone number are free.',
  },
  'version-conflict': {
    kind: 'stale',
    title: 'The user has changed since you read it',
    cause: "Somebody else's change came first, and the request asked to be made on what you read only.",
    next: 'Read the user again, then decide.',
  },
} as const satisfies Record<string, Entry>;

/** What the service refuses for reasons of its own: input that is none, lists and tasks, and what it cannot do at the moment. */
const service = {
  'validation-failed': {
    kind: 'invalid',
    title: 'A field is wrong',
    cause: 'A value is missing, unknown or not as it must be.',
    next: 'Each entry of "errors" names the field by JSON Pointer (or the path or query parameter), a code and the reason. Correct them and send the request again.',
  },
  'invalid-cursor': {
    kind: 'invalid',
    title: 'The cursor is not one of ours',
    cause: 'It was changed, or belongs to a list with other filters.',
    next: 'Use next_cursor of the page before, unchanged, with the same filters; or start again without a cursor.',
  },
  'task-not-found': {
    kind: 'not-found',
    title: 'There is no such task',
    cause: 'Task ids are those that a 202 answer returned; a finished task is kept for 7 days.',
    next: 'Check the id; after 7 days, read the user instead.',
  },
  'already-subscribed': {
    kind: 'conflict',
    title: 'This connection has a subscription',
    cause: 'A connection carries one subscription.',
    next: 'Open another connection for another one.',
  },
  'idempotency-key-reused': {
    kind: 'invalid',
    title: 'The Idempotency-Key belongs to another request',
    cause: 'A key names one request for 24 hours, and this request differs from the first one that had it.',
    next: 'Use a new key for a new request.',
  },
  'idempotency-in-progress': {
    kind: 'conflict',
    title: 'The first request with this Idempotency-Key is still running',
    cause: 'Its answer is not known yet, so it cannot be given again.',
    next: 'Send the same request again in a moment.',
  },
  starting: {
    kind: 'unavailable',
    title: 'This process is starting',
    cause: 'It is preparing or still connecting to the database. Nothing was changed.',
    next: 'Try again in a moment; this process, or another one, will answer.',
  },
  'store-unavailable': {
    kind: 'unavailable',
    title: 'The database cannot be reached',
    cause: 'It is stopped, restarting, or the network between is cut. Nothing was changed.',
    next: 'Try again in a moment; if it lasts, the operator finds the reason in the log.',
  },
  'store-read-only': {
    kind: 'unavailable',
    title: 'The database takes no changes at the moment',
    cause: 'It is a standby, its disk is full, or it is being maintained. Nothing was changed; reading works.',
    next: 'Try again in a moment; if it lasts, the operator finds the reason in the log.',
  },
  'store-busy': {
    kind: 'unavailable',
    title: 'The database holds what the request needs',
    cause: 'Another session of the database holds it, or the database took too long. Nothing was changed.',
    next: 'Try again in a moment; of a list, ask for less.',
  },
  'stream-unreadable': {
    kind: 'unavailable',
    title: 'This process cannot read what happened to the user',
    cause: 'A newer release of the service wrote it.',
    next: 'Try again: a process of that release will answer.',
  },
  'outcome-unknown': {
    kind: 'unavailable',
    title: 'It is not known whether the change was made',
    cause: 'The database did not answer in time.',
    next: 'Read the user before trying again; a request with an Idempotency-Key may be sent again as it was.',
  },
  overloaded: {
    kind: 'unavailable',
    title: 'The service is busy',
    cause: 'More requests wait than it can answer in time. Nothing was changed.',
    next: 'Try again in a moment.',
  },
  'shutting-down': {
    kind: 'unavailable',
    title: 'This process is stopping',
    cause: 'It was asked to stop, as in a deployment. Nothing was changed.',
    next: 'Try again; another process, or this one restarted, will answer.',
  },
  'internal-error': {
    kind: 'bug',
    title: 'The service made a mistake',
    cause: 'This is a bug.',
    next: 'Report it with the id of the request or the task; the log has the rest.',
  },
} as const satisfies Record<string, Entry>;

/** Every refusal the service knows. Codes are public: add, never rename. */
export const catalogue = { ...http, ...user, ...service };

export type ProblemCode = keyof typeof catalogue;

/** One wrong field: `pointer` is a JSON Pointer into the body (RFC 6901), or the query parameter after a slash. */
export type FieldError = { pointer: string; code: string; detail: string };

type Facts = {
  /** The reason in one sentence; never holds a value that a client sent. */
  detail?: string;
  errors?: FieldError[];
  /** The user's current version, for `version-conflict`. */
  version?: number;
};

/** A refusal from the catalogue. Matched by `instanceof` and `code`, never by message. */
export class Problem extends OwnError {
  readonly code: ProblemCode;
  readonly facts: Facts;

  constructor(code: ProblemCode, facts: Facts = {}, options?: ErrorOptions) {
    super(facts.detail ?? catalogue[code].title, options);
    this.name = 'Problem';
    this.code = code;
    this.facts = facts;
  }

  get kind(): ProblemKind {
    return catalogue[this.code].kind;
  }
}
