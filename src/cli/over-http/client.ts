import { OwnError } from '../../domain/own-error.ts';
import type { CliContext } from '../context.ts';
import { printable } from '../table.ts';
import { UsageError } from '../usage-error.ts';

/** Longer than the service lets a request wait. */
const ANSWER_MS = 30_000;

type Problem = { title?: string; detail?: string; code?: string; request_id?: string; errors?: { pointer?: string; detail?: string }[] };

/** The address without a slash at the end. @throws UsageError */
export const serviceAt = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) throw new UsageError('--url must be as http://localhost:8000');
  if (url.username || url.password) throw new UsageError('--url names a user: put the key into the variable LUMIN_KEY');
  if (url.search || url.hash) throw new UsageError('--url must have no query and no fragment');
  return url.href.replace(/\/+$/, '');
};

export const credentials = ({ LUMIN_KEY: key }: NodeJS.ProcessEnv): Record<string, string> =>
  key ? { authorization: `Bearer ${key}` } : {};

/** The body of the answer. @throws OwnError where there is none, or a refusal */
export const ask = async <T>({ env, signal }: Pick<CliContext, 'env' | 'signal'>, base: string, path: string): Promise<T> => {
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(`${base}${path}`, {
      headers: { accept: 'application/json', ...credentials(env) },
      // What the service answers comes from where it was asked, and a key goes nowhere else.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
    });
    body = await response.json().catch((error) => (error instanceof SyntaxError ? null : Promise.reject(error)));
  } catch (error) {
    signal.throwIfAborted();
    throw new OwnError(`${base} cannot be reached: ${reasonOf(error as Error)}`);
  }
  if (response.ok && typeof body === 'object' && body !== null) return body as T;
  throw new OwnError(refusal(base, response, body));
};

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'nothing listens at this host and port',
  ENOTFOUND: 'this host is not known',
  EAI_AGAIN: 'the name of this host cannot be looked up now',
  ECONNRESET: 'the connection was cut',
  EHOSTUNREACH: 'no way leads to this host',
  ENETUNREACH: 'no way leads to this network',
  ETIMEDOUT: 'it does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  UND_ERR_SOCKET: 'the connection was cut',
  HPE_INVALID_CONSTANT: 'what answers there does not speak HTTP',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed; name its authority in NODE_EXTRA_CA_CERTS',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is of an authority not known here; name it in NODE_EXTRA_CA_CERTS',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is of an authority not known here; name it in NODE_EXTRA_CA_CERTS',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS: is it http://?',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS: is it http://?',
};

type Cause = { code?: string; message?: string; errors?: { code?: string }[] };

const reasonOf = ({ name, message, cause }: Error & { cause?: unknown }): string => {
  if (name === 'TimeoutError') return `it has not answered within ${ANSWER_MS / 1_000} seconds`;
  // Of a name with several addresses, each has its reason.
  const { errors: [first] = [], code = first?.code, message: text = message } = (cause ?? {}) as Cause;
  return (code && REASONS[code]) ?? code ?? text;
};

/** On one line; whatever the text holds, it moves no cursor. */
const refusal = (base: string, { status, headers }: Response, body: unknown): string => {
  const { title, detail, code, request_id, errors = [] } = (body ?? {}) as Problem;
  if (title === undefined) {
    const kind = headers.get('content-type') ?? 'nothing';
    return printable(`${base} answered ${status} with ${kind}: it is not the service, or something in front of it`);
  }
  const fields = errors.map((error) => `${error.pointer}: ${error.detail}`).join('; ');
  const what = [title, fields || detail].filter(Boolean).join(': ').replace(/\.$/, '');
  return printable(`${what} (${[code, request_id && `request_id ${request_id}`].filter(Boolean).join(', ')})`);
};
