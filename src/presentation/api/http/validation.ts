import { Ajv } from 'ajv';
import type { FastifySchemaValidationError } from 'fastify/types/schema.js';
import { formats } from '../../../application/commands/fields.ts';
import type { FieldError } from '../../../domain/problem.ts';
import { InvalidValue } from '../../../domain/value-objects/value-object.ts';
import { pointerTo } from './json-body.ts';

const MAX_ERRORS = 20;

/** Why the value object behind `format` refuses the text, or null. */
const refusal = (format: string, text: string, now: Date): InvalidValue | null => {
  try {
    formats[format as keyof typeof formats](text, now);
    return null;
  } catch (error) {
    if (error instanceof InvalidValue) return error;
    throw error;
  }
};

/** Closed schemas, nothing coerced, nothing dropped, every error reported, formats decided by the value objects. */
export const validator = (now: () => Date) => {
  const ajv = new Ajv({
    allErrors: true,
    verbose: true,
    coerceTypes: false,
    removeAdditional: false,
    useDefaults: false,
    strict: true,
    allowUnionTypes: true,
  });
  ajv.addKeyword({ keyword: 'digits', type: 'string', schemaType: 'object', validate: isWholeNumber, errors: false });
  for (const name of Object.keys(formats)) ajv.addFormat(name, { type: 'string', validate: (text) => refusal(name, text, now()) === null });
  return ajv;
};

type Range = { minimum: number; maximum: number };

const isWholeNumber = ({ minimum, maximum }: Range, text: string): boolean =>
  /^\d{1,9}$/.test(text) && Number(text) >= minimum && Number(text) <= maximum;

/**
 * What is validated of a query string, whose values are all text: a whole number is one by its digits, and nothing is coerced.
 * A pattern there is for the documentation; who reads the parameter decides.
 */
export const queryStringSchema = (documented: { properties?: Record<string, { type?: unknown }> }): object => ({
  ...documented,
  properties: Object.fromEntries(
    Object.entries(documented.properties ?? {}).map(([name, schema]) => {
      const { pattern: _, type, minimum, maximum, ...rest } = schema as { pattern?: string; type?: unknown } & Range;
      return [name, type === 'integer' ? { type: 'string', digits: { minimum, maximum } } : { type, ...rest }];
    }),
  ),
});

type Failure = FastifySchemaValidationError & { data?: unknown; schema?: unknown };

/** One error per field, in the order of the schema, twenty at most. `now` is that of the validator. */
export const fieldErrors = (failures: readonly Failure[], now: Date): FieldError[] => {
  const errors = new Map<string, FieldError>();
  for (const failure of failures) {
    const error = fieldError(failure, now);
    if (!errors.has(error.pointer)) errors.set(error.pointer, error);
  }
  return [...errors.values()].slice(0, MAX_ERRORS);
};

const fieldError = ({ keyword, instancePath, params, data, message, schema }: Failure, now: Date): FieldError => {
  const errorAt = (code: string, detail: string, pointer = instancePath): FieldError => ({ pointer, code, detail });
  switch (keyword) {
    case 'required':
      return errorAt('required', 'is required', instancePath + pointerTo(String(params.missingProperty)));
    case 'additionalProperties':
      return errorAt('unknown-field', 'is not a field that is taken here', instancePath + pointerTo(String(params.additionalProperty)));
    case 'minProperties':
      return errorAt('required', 'needs at least one field');
    case 'type':
      return errorAt('wrong-type', `must be ${String(params.type).replaceAll(',', ' or ')}`);
    case 'enum':
      return errorAt('not-allowed', `must be one of ${(params.allowedValues as string[]).join(', ')}`);
    case 'digits': {
      const { minimum, maximum } = schema as Range;
      return errorAt('out-of-range', `must be a whole number from ${minimum} to ${maximum}`);
    }
    case 'maxLength':
      return errorAt('too-long', `must have at most ${params.limit} characters`);
    case 'format': {
      const reason = refusal(String(params.format), String(data), now);
      return errorAt(reason?.code ?? 'invalid', reason?.message ?? 'is not valid');
    }
    default:
      return errorAt('invalid', message ?? 'is not valid');
  }
};
