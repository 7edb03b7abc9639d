import { randomUUID } from 'node:crypto';

/** What a client asks for. */
export type Request = {
  kind: 'create' | 'rename' | 'phone' | 'email' | 'delete' | 'read' | 'task';
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  body: object | null;
  user_id: string;
  /** Idempotency-Key. The same key with the same body is the same command, sent again. */
  key: string | null;
  /** The version in If-Match. */
  if_match: number | null;
  /** A read with Cache-Control: no-cache. */
  fresh: boolean;
};

/** One request and everything that a client knows of it. Times are in milliseconds of one clock. */
export type Operation = Request & {
  /** X-Request-Id, which the log keeps as correlation_id of the events that came of it. */
  request_id: string;
  /** A client has one request under way at a time. */
  client: string;
  /** Where it was sent to. */
  instance: string;
  started: number;
  ended: number;
  /** Null where no answer came: what became of it is unknown. */
  status: number | null;
  /** The problem's code. */
  code: string | null;
  /** Of the user, in the ETag, also of a refusal; or that a task led to. */
  version: number | null;
  task_id: string | null;
  retry_after: string | null;
  answer: string;
};

/** Longer than any answer may take, so that one that takes too long is seen, and one that never comes ends. */
const GIVE_UP_MS = 20_000;

/** The clients' record of what they asked and what they were told, in order of the answers. */
export const startHistory = () => {
  const operations: Operation[] = [];
  return {
    operations,
    /** Sends it over HTTP and records what comes of it; never throws. */
    send: async (client: string, instance: string, request: Request): Promise<Operation> => {
      const request_id = randomUUID();
      const started = performance.now();
      const answer = await fetch(`${instance}${request.path}`, {
        method: request.method,
        headers: {
          'x-request-id': request_id,
          ...(request.body && { 'content-type': 'application/json' }),
          ...(request.key && { 'idempotency-key': request.key }),
          ...(request.if_match !== null && { 'if-match': `"${request.if_match}"` }),
          ...(request.fresh && { 'cache-control': 'no-cache' }),
        },
        ...(request.body && { body: JSON.stringify(request.body) }),
        signal: AbortSignal.timeout(GIVE_UP_MS),
      })
        .then(async (response) => ({ response, text: await response.text() }))
        .catch(() => null);
      const body = answer && /json/.test(answer.response.headers.get('content-type') ?? '') ? JSON.parse(answer.text) : null;
      const tag = /^"(\d+)"$/.exec(answer?.response.headers.get('etag') ?? '')?.[1];
      const operation: Operation = {
        ...request,
        request_id,
        client,
        instance,
        started,
        ended: performance.now(),
        status: answer?.response.status ?? null,
        code: body?.code ?? null,
        version: tag === undefined ? (body?.result?.version ?? null) : Number(tag),
        task_id: body?.task_id ?? null,
        retry_after: answer?.response.headers.get('retry-after') ?? null,
        answer: answer?.text ?? '',
      };
      operations.push(operation);
      return operation;
    },
  };
};

export type History = ReturnType<typeof startHistory>;
