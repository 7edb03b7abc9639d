import { Type } from 'typebox';
import { catalogue, type ProblemCode } from '../../../domain/problem.ts';
import { statusOf } from '../http/problems.ts';

export const problemSchema = Type.Object(
  {
    type: Type.String({ description: 'Address of the page about this problem.', examples: ['/problems/validation-failed'] }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.Unsafe<ProblemCode>({ type: 'string', enum: Object.keys(catalogue) }),
    request_id: Type.Optional(Type.String({ description: 'Also in X-Request-Id; the log has it.' })),
    errors: Type.Optional(
      Type.Array(
        Type.Object(
          {
            pointer: Type.String({
              description: 'JSON Pointer into the body, or / and the path or query parameter.',
              examples: ['/email'],
            }),
            code: Type.String(),
            detail: Type.String(),
          },
          { additionalProperties: false },
        ),
        { maxItems: 20 },
      ),
    ),
  },
  { $id: 'Problem', title: 'Problem', description: 'RFC 9457.', additionalProperties: false },
);

const header = (description: string, type = 'string') => ({ type, description });
const headersOf: Record<number, object> = {
  412: { ETag: header('The version that the user has now.') },
  503: { 'Retry-After': header('Seconds to wait.', 'integer') },
};

/** OpenAPI responses for these problems, by status: each says which codes it can carry, in words and in its schema. */
export const problemResponses = (...codes: ProblemCode[]) =>
  Object.fromEntries(
    [...Map.groupBy(codes, statusOf)].map(([status, group]) => [
      status,
      {
        description: group.map((code) => `\`${code}\`: ${catalogue[code].title}.`).join('\n\n'),
        ...(headersOf[status] && { headers: headersOf[status] }),
        content: {
          'application/problem+json': {
            schema: { allOf: [{ $ref: 'Problem#' }, { type: 'object', properties: { code: { enum: group } } }] },
          },
        },
      },
    ]),
  );
