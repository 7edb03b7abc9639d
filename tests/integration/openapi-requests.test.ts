import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { fromSchema } from '../fixtures/from-schema.ts';
import { created } from '../fixtures/http.ts';
import { useService } from '../fixtures/http-service.ts';

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000_000);
const RUNS = 25;
const service = useService();

/** Why a request that the document allows may still be refused: what no schema can say, and what depends on state. */
const unsayable = new Set([
  'invalid-phone', // the numbering plans of the world
  'invalid-language', // the registry of subtags
  'invalid-characters', // properties of Unicode, of which not every language has a pattern
  'invalid-email', // names in Punycode that name nothing
  'contact-required', // null twice
  'invalid-cursor',
  'idempotency-key-reused',
]);

beforeAll(() => void process.stdout.write(`seed: FUZZ_SEED=${seed}\n`));

type Request = {
  path: Record<string, string>;
  query: Record<string, string>;
  header: Record<string, string>;
  body: unknown;
  known: boolean;
};

/** Any request that the document allows for an operation. */
const requestOf = ({ parameters = [], requestBody }: any): fc.Arbitrary<Request> => {
  const some = (place: string) => {
    const named = parameters.filter((one: any) => one.in === place);
    const values = named.map(({ name, schema }: any) => [name, fromSchema(service.openapi, schema)]);
    const requiredKeys = named.filter(({ required }: any) => required).map(({ name }: any) => name);
    return fc.record<any>(Object.fromEntries(values), { requiredKeys });
  };
  const body = requestBody ? fromSchema(service.openapi, requestBody.content['application/json'].schema) : fc.constant(undefined);
  return fc.record({ path: some('path'), query: some('query'), header: some('header'), body, known: fc.boolean() });
};

it('what the document allows is not refused as malformed or wrong', async () => {
  const { user_id } = await created(service);
  const taken = new Set<string>();
  for (const [address, operations] of Object.entries<any>(service.openapi.paths)) {
    for (const [method, operation] of Object.entries<any>(operations)) {
      const { operationId } = operation;
      const check = async ({ path, query, header, body, known }: Request) => {
        // Of a user who is there, the body is looked at.
        const ids: Record<string, string> = known && operationId !== 'deleteUser' ? { ...path, user_id } : path;
        const url = address.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(ids[name] ?? ''));
        // A value stands in the query string or in the body.
        const sent = method === 'patch' && Object.keys(query).length > 0 ? undefined : body;
        const answer = await service.request(method.toUpperCase() as 'GET', `${url}?${new URLSearchParams(query)}`, sent, header);
        expect(answer.status, answer.text).toBeLessThan(500);
        expect([400, 405, 415], answer.text).not.toContain(answer.status);
        if (answer.status < 400) taken.add(operationId);
        if (answer.status !== 422) return;
        const reasons: string[] = [answer.body.code, ...(answer.body.errors ?? []).map(({ code }: any) => code)];
        expect(
          reasons.filter((code) => !unsayable.has(code) && code !== 'validation-failed'),
          answer.text,
        ).toEqual([]);
      };
      await fc.assert(fc.asyncProperty(requestOf(operation), check), { seed, numRuns: RUNS });
    }
  }
  expect(taken.size).toBeGreaterThan(15);
});
