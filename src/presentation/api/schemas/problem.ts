import { STATUS_CODES } from 'node:http';
import { Type } from 'typebox';
import { catalogue, type ProblemCode } from '../../../domain/problem.ts';
import { problemExample } from '../http/problem-example.ts';
import { statusOf } from '../http/problems.ts';
import type { Schema } from './named.ts';

export const problemCode = {
  type: 'string',
  enum: Object.keys(catalogue),
  title: 'ProblemCode',
  description: 'What was refused, for programs. Later versions add codes; the status says how to take one that is not known.',
};

const fieldError = Type.Object(
  {
    pointer: Type.String({ description: 'JSON Pointer into the body, or / and the path or query parameter.', examples: ['/email'] }),
    code: Type.String({ examples: ['invalid-email'] }),
    detail: Type.String(),
  },
  { title: 'FieldError', description: 'One wrong field.', additionalProperties: false },
);

export const problemSchema = Type.Object(
  {
    type: Type.String({
      format: 'uri-reference',
      description: 'Address of the page about this problem.',
      examples: ['/problems/validation-failed'],
    }),
    title: Type.String(),
    status: Type.Integer({ format: 'int32' }),
    detail: Type.String(),
    code: Type.Unsafe<ProblemCode>(problemCode),
    request_id: Type.Optional(Type.String({ description: 'Also in X-Request-Id; the log has it.' })),
    errors: Type.Optional(Type.Array(fieldError, { maxItems: 20 })),
  },
  { title: 'Problem', description: 'Why a request was refused, or a task failed (RFC 9457).', additionalProperties: false },
);

/** How any request may be refused, whatever its operation: most of it before anybody knows which one that is. */
const ofAnyRequest: ProblemCode[] = [
  'origin-not-allowed',
  'request-timeout',
  'payload-too-large',
  'expectation-failed',
  'host-not-allowed',
  'headers-too-large',
  'internal-error',
  'unsupported-transfer-coding',
  'overloaded',
];

/** How an operation may be refused, by status. The document refers to the response that all operations share. */
export const problemResponses = (...codes: ProblemCode[]) =>
  Object.fromEntries(
    [...Map.groupBy(codes, statusOf)].map(([status, group]) => [status, { type: 'null', description: nameOf(status), codes: group }]),
  );

const nameOf = (status: number): string => (STATUS_CODES[status] ?? '').replaceAll(' ', '');

type Reference = { $ref: string };
const reference = (name: string): Reference => ({ $ref: `#/components/responses/${name}` });

/** What an operation's responses say of refusals: the codes are those of `problemResponses`, of all statuses together. */
export const problemReferences = (codes: readonly ProblemCode[]): Record<string, Reference> => ({
  ...Object.fromEntries(codes.map((code) => [statusOf(code), reference(nameOf(statusOf(code)))])),
  default: reference('OtherProblem'),
});

const header = (description: string, schema: Schema = { type: 'string' }) => ({ description, schema });
const always = {
  'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' },
  'Idempotent-Replayed': { $ref: '#/components/headers/Idempotent-Replayed' },
  'Preference-Applied': { $ref: '#/components/headers/Preference-Applied' },
};
const headersOf: Record<number, object> = {
  412: { ETag: header('The version that the user has now.') },
  503: { 'Retry-After': header('Seconds to wait.', { type: 'integer', format: 'int32' }) },
};

const response = (codes: readonly ProblemCode[], schema: Schema) => {
  const [code] = codes as [ProblemCode];
  return {
    description: codes.map((each) => `\`${each}\`: ${catalogue[each].title}.`).join('\n\n'),
    headers: { ...always, ...headersOf[statusOf(code)] },
    content: { 'application/problem+json': { schema, example: problemExample(code) } },
  };
};

/** The responses that operations share: one for each status that any of `codes` has, and one for what any request may meet. */
export const sharedResponses = (codes: ReadonlySet<ProblemCode>, schema: Schema) => ({
  ...Object.fromEntries([...Map.groupBy(codes, statusOf)].map(([status, group]) => [nameOf(status), response(group, schema)])),
  OtherProblem: response(ofAnyRequest, schema),
});
