import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Attributes, type Context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { ExportResultCode, parseTraceParent } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { ClaimedTask } from '../../application/tasks/task.ts';
import { Problem } from '../../domain/problem.ts';
import type { Outage } from '../concurrency/outage.ts';

const EXPORT_MS = 1_000;
const EXPORT_TIMEOUT_MS = 3_000;
/** Spans that wait for the collector; what is more is dropped. */
const MAX_WAITING = 4_096;
/** The time that spans have to leave at the end of the process. */
const FLUSH_MS = 500;

type Options = {
  /** The address of the collector; spans go to `/v1/traces` under it. */
  endpoint: string;
  /** As OTEL_TRACES_SAMPLER names it, and its argument. */
  sampler: string;
  ratio: number;
  /** What is the same for every span of this process. */
  resource: Attributes;
  /** Called once for every time that the collector is away. */
  away: Pick<Outage, 'report' | 'over'>;
};

/** The part that one change has in its trace, from when it is taken in until it is answered. */
export type ChangeTrace = {
  /** What events and tasks keep, so that whoever goes on with them later goes on with the trace. */
  readonly traceparent: string;
  readonly span: Span;
  end: (error?: unknown) => void;
};

/**
 * One trace through request, batch, statement, relay, NATS and task, listed in docs/traces.md. Spans name routes, commands and
 * types of events: no ids, no values, nothing that a client sends but the ids of its own trace.
 *
 * This file is loaded only where there is a collector; everybody else imports its types, and holds null.
 */
export const openTracing = ({ endpoint, sampler, ratio, resource, away }: Options) => {
  const url = `${endpoint.replace(/\/$/, '')}/v1/traces`;
  const exporter = reporting(new OTLPTraceExporter({ url, timeoutMillis: EXPORT_TIMEOUT_MS }), away);
  const provider = new TracerProvider({
    sampler: samplerNamed(sampler, ratio),
    resource: defaultResource().merge(resourceFromAttributes(resource)),
    spanProcessors: [new BatchSpanProcessor({ exporter, maxQueueSize: MAX_WAITING, scheduledDelayMillis: EXPORT_MS })],
  });
  const tracer = provider.getTracer('lumin-user-service');
  const contexts = new AsyncLocalStorage<Context>();
  const here = (): Context => contexts.getStore() ?? ROOT_CONTEXT;

  /** The span under way here; none where nothing is recorded, or not any more. */
  const current = (): Span | undefined => {
    const span = trace.getSpan(here());
    return span?.isRecording() ? span : undefined;
  };

  const within = async <T>(span: Span, work: () => Promise<T>): Promise<T> => {
    try {
      const result = await contexts.run(trace.setSpan(ROOT_CONTEXT, span), work);
      span.end();
      return result;
    } catch (error) {
      endWith(span, error);
      throw error;
    }
  };

  const statement = <T>(summary: string, work: () => Promise<T>): Promise<T> => {
    if (current() === undefined) return work();
    const attributes = { 'db.system.name': 'postgresql', 'db.query.summary': summary };
    return within(tracer.startSpan(summary, { kind: SpanKind.CLIENT, attributes }, here()), work);
  };

  return {
    /** A request, from its head to the end of the answer; null where it is not recorded. `route` is the pattern, never the URL. */
    request(method: string, route: string | null, traceparent: unknown) {
      const attributes = { 'http.request.method': method, ...(route !== null && { 'http.route': route }) };
      const name = route === null ? method : `${method} ${route}`;
      const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, contextOf(traceparent));
      if (!span.isRecording()) return null;
      const context = trace.setSpan(ROOT_CONTEXT, span);
      return {
        traceId: span.spanContext().traceId,
        run: (work: () => void): void => contexts.run(context, work),
        end: (status: number | null): void => {
          if (status !== null) span.setAttribute('http.response.status_code', status);
          if (status !== null && status >= 500) span.setAttribute('error.type', String(status)).setStatus({ code: SpanStatusCode.ERROR });
          span.end();
        },
      };
    },

    /** A change, of the request or task that is under way here; null where there is none. */
    change(): ChangeTrace | null {
      if (current() === undefined) return null;
      const span = tracer.startSpan('append', {}, here());
      const end = (error?: unknown): void => (error === undefined ? span.end() : endWith(span, error));
      return { span, traceparent: traceparentOf(span), end };
    },

    /** Changes that are committed together: part of the first one's trace, and linked with the others. */
    batch<T>(changes: readonly (ChangeTrace | null)[], work: () => Promise<T>): Promise<T> {
      const [first, ...others] = changes.flatMap((change) => (change ? [change.span] : []));
      // An untraced batch gets a root context, else it would be part of the request that happened to start the draining.
      if (first === undefined) return contexts.run(ROOT_CONTEXT, work);
      const span = tracer.startSpan(
        'batch',
        { attributes: { 'lumin.batch.changes': changes.length }, links: others.map((other) => ({ context: other.spanContext() })) },
        trace.setSpan(ROOT_CONTEXT, first),
      );
      for (const other of others) other.addLink({ context: span.spanContext() });
      return within(span, work);
    },

    /** One statement, as part of what is under way here; `summary` names operation and table. */
    statement,

    /**
     * A message to NATS, as part of the trace that `traceparent` names, or else of what is under way here. `send` is given what
     * the message's header says: nothing where nothing is recorded. `destination` is a subject without ids.
     */
    publish<T>(destination: string, traceparent: string | null, send: (traceparent?: string) => Promise<T>): Promise<T> {
      if (traceparent === null && current() === undefined) return send();
      const attributes = {
        'messaging.system': 'nats',
        'messaging.operation.name': 'publish',
        'messaging.operation.type': 'send',
        'messaging.destination.template': destination,
      };
      const span = tracer.startSpan(
        `publish ${destination}`,
        { kind: SpanKind.PRODUCER, attributes },
        traceparent === null ? here() : contextOf(traceparent),
      );
      return within(span, () => send(traceparentOf(span)));
    },

    /** A try of a task: goes on with the trace of the request that was accepted. One that nobody follows is not traced. */
    task<T>(
      { command, attempts, traceparent }: Pick<ClaimedTask, 'command' | 'attempts' | 'traceparent'>,
      work: () => Promise<T>,
    ): Promise<T> {
      if (traceparent === undefined) return work();
      const attributes = { 'lumin.command': command, 'lumin.task.attempt': attempts };
      return within(tracer.startSpan(`task ${command}`, { kind: SpanKind.CONSUMER, attributes }, contextOf(traceparent)), work);
    },

    /** Sends what still waits, as far as the collector takes it in time. */
    close: (): Promise<void> => Promise.race([provider.shutdown().catch(() => {}), sleep(FLUSH_MS, undefined, { ref: false })]),
  };
};

export type Tracing = ReturnType<typeof openTracing>;

/** W3C Trace Context. `tracestate` is left out: it is for whoever is in front of us, and may hold anything. */
const traceparentOf = (span: Span): string => {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-0${traceFlags}`;
};

const contextOf = (traceparent: unknown): Context => {
  const parent = typeof traceparent === 'string' ? parseTraceParent(traceparent) : null;
  return parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true });
};

/** A refusal is an answer like others; what nobody foresaw, or what passes, is an error. Messages may hold values, so they stay out. */
const endWith = (span: Span, error: unknown): void => {
  const problem = error instanceof Problem ? error : null;
  span.setAttribute('error.type', problem?.code ?? (error instanceof Error ? error.name : 'unknown'));
  if (problem === null || problem.kind === 'unavailable') span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
};

const samplerNamed = (name: string, ratio: number): Sampler => {
  const kind = name.replace('parentbased_', '');
  const root =
    kind === 'always_on' ? new AlwaysOnSampler() : kind === 'always_off' ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(ratio);
  return name === kind ? root : new ParentBasedSampler({ root });
};

const reporting = (exporter: SpanExporter, away: Options['away']): SpanExporter => ({
  export: (spans, done) =>
    exporter.export(spans, (result) => {
      if (result.code === ExportResultCode.SUCCESS) away.over();
      else away.report(result.error);
      done(result);
    }),
  shutdown: () => exporter.shutdown(),
});
