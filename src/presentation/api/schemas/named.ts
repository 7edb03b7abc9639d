import { isDeepStrictEqual } from 'node:util';

export type Schema = {
  title?: string;
  type?: string | string[];
  format?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  oneOf?: Schema[];
  [keyword: string]: unknown;
};

/**
 * Gives a document's schemas names: one with a title goes to `schemas`, once, and a reference stands in its place. `say` is
 * asked what the document says of a schema. An object that may be null becomes a choice between the reference and null: the one
 * form that generators of all languages understand.
 */
export const namedSchemas = () => {
  const schemas: Record<string, Schema> = {};

  const named = (schema: object, say: (schema: Schema) => Schema = (same) => same): Schema => {
    const { title, type, properties, items, oneOf, ...rest } = say(schema as Schema);
    const nullable = title !== undefined && Array.isArray(type) && type.includes('null');
    const said: Schema = {
      ...(type !== undefined && { type: nullable ? (type[0] as string) : type }),
      ...rest,
      ...(properties && { properties: mapped(properties, (property) => named(property, say)) }),
      ...(items && { items: named(items, say) }),
      ...(oneOf && { oneOf: oneOf.map((choice) => named(choice, say)) }),
    };
    if (title === undefined) return said;
    schemas[title] ??= said;
    if (!isDeepStrictEqual(schemas[title], said)) throw new Error(`two schemas have the name ${title}`);
    return nullable ? { oneOf: [reference(title), { type: 'null' }] } : reference(title);
  };

  return { schemas, named };
};

export const reference = (title: string): Schema => ({ $ref: `#/components/schemas/${title}` });

const mapped = <T, R>(record: Record<string, T>, change: (value: T) => R): Record<string, R> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
