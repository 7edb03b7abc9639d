import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { cloudEvent } from '../../src/application/feed/cloud-event.ts';
import { type EventRow, toEvent } from '../../src/infrastructure/persistence/event-store/event-store.ts';
import type { Traces } from '../../src/presentation/api/dependencies.ts';
import { traceRequests } from '../../src/presentation/api/http/request-traces.ts';
import { until } from '../fixtures/until.ts';

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('the trace of a request', () => {
  /** A server whose trace notes what it is told. */
  const serve = () => {
    const told: unknown[] = [];
    let inside = false;
    const traces: Traces = {
      request: (...begun) => {
        told.push(begun);
        const run = (work: () => void): void => {
          inside = true;
          work();
          inside = false;
        };
        return { traceId: 'abc', run, end: (status) => void told.push(status) };
      },
    };
    const server = Fastify();
    traceRequests(server, traces);
    server.post('/api/users/:user_id', async () => told.push(inside ? 'handled inside' : 'handled outside'));
    server.get('/health/live', async () => 'ok');
    return { server, told };
  };

  it('names the pattern of its route, goes on with that of the caller, and holds what the handler does', async () => {
    const { server, told } = serve();
    await server.inject({ method: 'POST', url: '/api/users/john@example.com?q=john', payload: { a: 1 }, headers: { traceparent } });
    expect(told).toEqual([['POST', '/api/users/:user_id', traceparent], 'handled inside', 200]);
  });

  it('ends with the answer also where there is no such route', async () => {
    const { server, told } = serve();
    await server.inject({ method: 'GET', url: '/john@example.com' });
    expect(told).toEqual([['GET', null, undefined], 404]);
  });

  it('ends without a status where the client goes away', async () => {
    const { server, told } = serve();
    const left = new AbortController();
    server.get('/api/slow', () => new Promise(() => left.abort()));
    const address = await server.listen({ host: '127.0.0.1', port: 0 });
    await fetch(`${address}/api/slow`, { signal: left.signal }).catch(() => {});
    await until('it ends', () => told.length > 1);
    await server.close();
    expect(told).toEqual([['GET', '/api/slow', undefined], null]);
  });

  it('is not begun for what machines ask all the time', async () => {
    const { server, told } = serve();
    expect((await server.inject('/health/live')).body).toBe('ok');
    expect(told).toEqual([]);
  });
});

describe('an event', () => {
  const row: EventRow = {
    position: 1,
    stream: 'user-550e8400-e29b-41d4-a716-446655440000',
    version: 1,
    type: 'UserDeactivated',
    schema_version: 1,
    data: { changed: [] },
    personal: null,
    actor: null,
    correlation_id: null,
    at: new Date(0),
  };

  it('names the trace that it was written with beside its data, and not in it', () => {
    const event = toEvent({ ...row, data: { changed: [], traceparent } });
    expect([event.traceparent, event.data]).toEqual([traceparent, {}]);
    expect(cloudEvent(event)).toEqual({ ...cloudEvent(toEvent(row)), traceparent });
  });

  it('that was not traced says nothing of traces', () => {
    expect(JSON.stringify([toEvent(row), cloudEvent(toEvent(row))])).not.toContain('traceparent');
  });
});
