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

type Entry = { kind: ProblemKind; title: string; help: string };

/** What HTTP asks of a request, before anybody looks at what it wants. */
const http = {
  'malformed-request': {
    kind: 'malformed',
    title: 'The request cannot be parsed',
    help: 'The request line, a header, the path or the query string is not valid HTTP or not valid percent-encoded UTF-8. Correct it and send it again.',
  },
  'malformed-json': {
    kind: 'malformed',
    title: 'What was sent is not valid JSON',
    help: 'Send one JSON object. Keys named __proto__ are not accepted.',
  },
  'duplicate-key': {
    kind: 'malformed',
    title: 'An object names a key twice',
    help: 'Readers disagree about which of the two counts, so neither is taken. Send each key once.',
  },
  'too-deep': { kind: 'malformed', title: 'The JSON is nested too deeply', help: 'At most 16 levels of objects and arrays are read.' },
  'invalid-utf8': {
    kind: 'malformed',
    title: 'What was sent is not valid UTF-8',
    help: 'JSON is UTF-8. Encode it as UTF-8 and send it again.',
  },
  'invalid-user-id': {
    kind: 'malformed',
    title: 'The path does not hold a user id',
    help: 'A user id is a UUID as in 550e8400-e29b-41d4-a716-446655440000, in either case, neither all zeros nor all ones.',
  },
  'invalid-precondition': {
    kind: 'malformed',
    title: 'If-Match or If-None-Match cannot be read',
    help: 'Send the ETag of an earlier answer unchanged, for example If-Match: "3", or *.',
  },
  'invalid-idempotency-key': {
    kind: 'malformed',
    title: 'The Idempotency-Key cannot be used',
    help: 'Send one to 255 visible ASCII characters, bare or in double quotes; a UUID is a good choice.',
  },
  'query-and-body': {
    kind: 'invalid',
    title: 'The value is given twice',
    help: 'Send the new value in the query string or in the JSON body, not in both. The body is the better choice: query strings end up in logs of proxies.',
  },
  'origin-not-allowed': {
    kind: 'forbidden',
    title: 'Pages of this origin may not do this',
    help: 'The operator lists the origins that may connect to the live feed, or change anything, in ALLOWED_ORIGINS. Programs that are not browsers send no Origin header.',
  },
  'host-not-allowed': {
    kind: 'misdirected',
    title: 'The service is not known by this name',
    help: 'Without a gateway that checks callers it answers as localhost, 127.0.0.1 and [::1] only. The operator lists further names in ALLOWED_HOSTS.',
  },
  'not-found': {
    kind: 'not-found',
    title: 'There is nothing at this address',
    help: 'Check the path; the API documentation lists those of this service.',
  },
  'method-not-allowed': {
    kind: 'wrong-method',
    title: 'This address does not take this method',
    help: 'The Allow header lists the methods it takes.',
  },
  'request-timeout': {
    kind: 'too-slow',
    title: 'The request took too long to arrive',
    help: 'Headers must arrive within 10 seconds and the whole request within 15.',
  },
  'payload-too-large': { kind: 'too-large', title: 'The body is too large', help: 'A body may have 64 KiB.' },
  'headers-too-large': {
    kind: 'headers-too-large',
    title: 'The request line and headers are too large',
    help: 'Together they may have 16 KiB, and there may be 100 headers.',
  },
  'unsupported-media-type': {
    kind: 'unsupported',
    title: 'The body is not application/json',
    help: 'Send Content-Type: application/json in UTF-8 and no Content-Encoding.',
  },
  'unsupported-transfer-coding': {
    kind: 'unimplemented',
    title: 'The body has a transfer coding that is not known',
    help: 'Send it with Content-Length, or with Transfer-Encoding: chunked and nothing else.',
  },
  'expectation-failed': {
    kind: 'unmet',
    title: 'The expectation cannot be met',
    help: 'Of what an Expect header may ask for, 100-continue is known. Send the request with that or without the header.',
  },
  'upgrade-required': {
    kind: 'upgrade',
    title: 'This address speaks WebSocket',
    help: 'Connect with a WebSocket client (RFC 6455, version 13).',
  },
} as const satisfies Record<string, Entry>;

/** What the rules about users refuse. */
const user = {
  'contact-required': {
    kind: 'invalid',
    title: 'A user needs an email address or a phone number',
    help: 'Give at least one of the two; the last one cannot be removed.',
  },
  'user-not-found': {
    kind: 'not-found',
    title: 'There is no such user',
    help: 'There is no user with this id, or none whose profile may be seen.',
  },
  'user-exists': {
    kind: 'conflict',
    title: 'The user id is taken',
    help: 'A user with this id exists. Leave user_id out to have one made.',
  },
  'email-taken': {
    kind: 'conflict',
    title: 'The email address is taken',
    help: 'Another user has this address; upper and lower case are the same address.',
  },
  'phone-taken': { kind: 'conflict', title: 'The phone number is taken', help: 'Another user has this number.' },
  'user-blocked': {
    kind: 'conflict',
    title: 'The user is blocked',
    help: 'Unblock the user first; a blocked user can only be blocked again, unblocked or deleted.',
  },
  'user-deleted': {
    kind: 'gone',
    title: 'The user was deleted',
    help: 'Deleting is final. The id stays taken; create a new user with another id.',
  },
  'version-conflict': {
    kind: 'stale',
    title: 'The user has changed since you read it',
    help: 'Read the user again, then decide.',
  },
} as const satisfies Record<string, Entry>;

/** What the service refuses for reasons of its own: input that is none, lists and tasks, and what it cannot do at the moment. */
const service = {
  'validation-failed': {
    kind: 'invalid',
    title: 'A field is wrong',
    help: 'Each entry of "errors" names the field by JSON Pointer (or the path or query parameter), a code and the reason.',
  },
  'invalid-cursor': {
    kind: 'invalid',
    title: 'The cursor is not one of ours',
    help: 'Use next_cursor of the page before, unchanged, with the same filters; or start again without a cursor.',
  },
  'task-not-found': {
    kind: 'not-found',
    title: 'There is no such task',
    help: 'Task ids are those that a 202 answer returned; a finished task is kept for 7 days.',
  },
  'already-subscribed': {
    kind: 'conflict',
    title: 'This connection has a subscription',
    help: 'A connection carries one subscription. Open another connection for another one.',
  },
  'idempotency-key-reused': {
    kind: 'invalid',
    title: 'The Idempotency-Key belongs to another request',
    help: 'A key names one request for 24 hours. Use a new key for a new request.',
  },
  'idempotency-in-progress': {
    kind: 'conflict',
    title: 'The first request with this Idempotency-Key is still running',
    help: 'Send the same request again in a moment.',
  },
  starting: {
    kind: 'unavailable',
    title: 'This process is starting',
    help: 'Nothing was changed. Try again in a moment; this process, or another one, will answer.',
  },
  'store-unavailable': {
    kind: 'unavailable',
    title: 'The database cannot be reached',
    help: 'Nothing was changed. Try again in a moment.',
  },
  'store-read-only': {
    kind: 'unavailable',
    title: 'The database takes no changes at the moment',
    help: 'Nothing was changed; reading works. Try again in a moment.',
  },
  'store-busy': {
    kind: 'unavailable',
    title: 'The database holds what the request needs',
    help: 'Nothing was changed: another session of the database holds it, or the database took too long. Try again in a moment; of a list, ask for less.',
  },
  'stream-unreadable': {
    kind: 'unavailable',
    title: 'This process cannot read what happened to the user',
    help: 'A newer release of the service wrote it. Try again: a process of that release will answer.',
  },
  'outcome-unknown': {
    kind: 'unavailable',
    title: 'It is not known whether the change was made',
    help: 'The database did not answer in time. Read the user before trying again; a request with an Idempotency-Key may be sent again as it was.',
  },
  overloaded: {
    kind: 'unavailable',
    title: 'The service is busy',
    help: 'Nothing was changed. Try again in a moment.',
  },
  'shutting-down': {
    kind: 'unavailable',
    title: 'This process is stopping',
    help: 'Nothing was changed. Try again; another process, or this one restarted, will answer.',
  },
  'internal-error': {
    kind: 'bug',
    title: 'The service made a mistake',
    help: 'This is a bug. Report it with the id of the request or the task; the log has the rest.',
  },
} as const satisfies Record<string, Entry>;

/** Every refusal the service knows: code → kind, title, and what the reader can do. Codes are public: add, never rename. */
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
