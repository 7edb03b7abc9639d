import type { ProblemCode } from '../../../domain/problem.ts';
import { applied } from '../schemas/command.ts';
import { inputFormats } from '../schemas/input-formats.ts';
import { namedSchemas, reference, type Schema } from '../schemas/named.ts';
import { problemReferences, problemSchema, sharedResponses } from '../schemas/problem.ts';

type Content = Record<string, { schema: Schema }>;
type Response = { headers?: Record<string, object>; content?: Content };
type Operation = {
  operationId: string;
  parameters?: { schema: Schema }[];
  requestBody?: { required?: boolean; content: Content };
  responses: Record<string, Response>;
};
type Document = { paths?: Record<string, Record<string, Operation>>; components?: object };

/** What a route says and the plugin does not take from it. */
export type Aside = { bodyOptional: boolean; bodyRules: object | undefined; codes: ProblemCode[] };

/** What the document says of a text that a value object decides. */
const input = ({ format, ...schema }: Schema): Schema => ({
  ...schema,
  ...(format !== undefined && ((inputFormats as Record<string, object>)[format] ?? { format })),
});

const header = (schema: Schema, description: string) => ({ description, schema });
const headers = {
  'X-Request-Id': { required: true, ...header({ type: 'string' }, 'The request; the log has it.') },
  ...Object.fromEntries(Object.entries(applied).map(([name, { description, ...schema }]) => [name, header(schema, description)])),
};
const references = Object.fromEntries(Object.keys(headers).map((name) => [name, { $ref: `#/components/headers/${name}` }]));

/**
 * The document that the plugin made, in the shape that generators of clients take: every object has a name, refusals are shared
 * by all operations, and requests are described as far as JSON Schema can.
 */
export const documentOf = (document: Document, asides: ReadonlyMap<string, Aside>): object => {
  const { schemas, named } = namedSchemas();
  const problem = named(problemSchema);
  const codes = new Set<ProblemCode>();

  const body = ({ operationId, requestBody }: Operation, { bodyOptional, bodyRules }: Aside) => {
    if (requestBody === undefined) return {};
    const title = `${operationId.charAt(0).toUpperCase()}${operationId.slice(1)}Request`;
    const content = Object.entries(requestBody.content);
    // A command that takes no input accepts {} but need not say so.
    if (content.every(([, { schema }]) => Object.keys(schema.properties ?? {}).length === 0)) return { requestBody: undefined };
    const rules = (schema: Schema) => named({ ...schema, ...bodyRules, title }, input);
    const described = content.map(([type, { schema, ...media }]) => [type, { schema: rules(schema), ...media }]);
    return { requestBody: { required: !bodyOptional, content: Object.fromEntries(described) } };
  };

  const success = ({ content, headers: own, ...response }: Response): Response => ({
    ...response,
    headers: { 'X-Request-Id': references['X-Request-Id'] as object, ...own, ...pick(references, own) },
    ...(content && {
      content: Object.fromEntries(
        Object.entries(content).map(([type, { schema, ...media }]) => [type, { schema: named(schema), ...media }]),
      ),
    }),
  });

  const described = (operation: Operation): object => {
    const aside = asides.get(operation.operationId) as Aside;
    for (const code of aside.codes) codes.add(code);
    const answers = Object.entries(operation.responses).filter(([status]) => Number(status) < 400);
    return {
      ...operation,
      ...(operation.parameters && {
        parameters: operation.parameters.map(({ schema, ...parameter }) => ({
          ...parameter,
          // The plugin takes the description of a parameter's schema for the parameter: what is named is described elsewhere.
          schema: schema.title === undefined ? named(schema, input) : reference(schema.title),
        })),
      }),
      ...body(operation, aside),
      responses: {
        ...Object.fromEntries(answers.map(([status, response]) => [status, success(response)])),
        ...problemReferences(aside.codes),
      },
      'x-problem-codes': aside.codes,
    };
  };

  const paths = Object.entries(document.paths ?? {}).map(([path, operations]) => [
    path,
    Object.fromEntries(Object.entries(operations).map(([method, operation]) => [method, described(operation)])),
  ]);
  return {
    ...document,
    paths: Object.fromEntries(paths),
    components: { schemas: sorted(schemas), responses: sharedResponses(codes, problem), headers },
  };
};

/** Those that both records have, from the first one. */
const pick = (all: Record<string, object>, some: object = {}): Record<string, object> =>
  Object.fromEntries(Object.entries(all).filter(([name]) => name in some));

const sorted = (record: Record<string, Schema>): Record<string, Schema> =>
  Object.fromEntries(Object.entries(record).sort(([one], [other]) => (one < other ? -1 : 1)));
