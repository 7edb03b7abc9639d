/** About how many bytes a value of JSON takes in memory: two for each UTF-16 unit of a text, a few for everything else. */
export const sizeOf = (value: unknown): number => {
  if (typeof value === 'string') return 2 * value.length + 16;
  if (typeof value !== 'object' || value === null) return 8;
  let size = 32;
  for (const key in value) size += 16 + sizeOf((value as Record<string, unknown>)[key]);
  return size;
};
