import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import { Problem, type ProblemCode } from '../../../domain/problem.ts';
import { commonHeaders } from './headers.ts';
import { problemDocument } from './problems.ts';

type Options = { log: FastifyBaseLogger; newRequestId: () => string; now: () => Date };

const parserCodes: Record<string, ProblemCode> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'payload-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
};

/**
 * Answers what the HTTP parser refuses: there is no request, so the answer is written to the socket. It has no headers for
 * CORS: whether there is an Origin, and which, stands in what could not be read.
 */
export const socketRefusal =
  ({ log, newRequestId, now }: Options) =>
  (error: NodeJS.ErrnoException, socket: Socket): void => {
    // Behind what a client said to be its last request: the answer to that is on its way, and ends the connection.
    if (error.code === 'HPE_CLOSED_CONNECTION') return;
    if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
    const requestId = newRequestId();
    const document = problemDocument(new Problem(parserCodes[error.code ?? ''] ?? 'malformed-request'), requestId);
    const body = JSON.stringify(document);
    const headers = {
      date: now().toUTCString(),
      ...commonHeaders(requestId),
      'content-type': 'application/problem+json',
      'content-length': Buffer.byteLength(body),
      connection: 'close',
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.end(`HTTP/1.1 ${document.status} ${STATUS_CODES[document.status]}\r\n${lines.join('')}\r\n${body}`);
    log.info({ request_id: requestId, method: null, route: null, status: document.status }, 'request');
  };
