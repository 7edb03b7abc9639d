import { Type } from 'typebox';
import { catalogue, type ProblemCode } from '../../../domain/problem.ts';
import { codesWithStatus } from '../problems.ts';

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
            pointer: Type.String({ description: 'JSON Pointer into the body, or / and the query parameter.', examples: ['/email'] }),
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

/** OpenAPI responses for these statuses, each with the codes that it can carry. */
export const problemResponses = (...statuses: number[]) =>
  Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: codesWithStatus(status)
          .map((code) => `\`${code}\`: ${catalogue[code].title}.`)
          .join(' '),
        content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } },
      },
    ]),
  );
