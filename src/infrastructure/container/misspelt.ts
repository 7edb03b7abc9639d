import { variables } from './config.ts';

/** What Compose reads in the file .env, beside our own. */
export const COMPOSE = [
  ...['API_PORT', 'API_TARGET', 'LUMIN_OWNER_PASSWORD', 'LUMIN_SERVICE_PASSWORD'],
  ...['NATS_ALLOWED_ORIGINS', 'NATS_FEED_PASSWORD', 'NATS_PASSWORD', 'NATS_WEBSOCKET_PORT'],
  ...['POSTGRES_DB', 'POSTGRES_PASSWORD', 'POSTGRES_PORT', 'POSTGRES_USER'],
];
/** What other programs read there: Compose itself, the tests, Node.js and its terminal. */
const OF_OTHERS = /^(?:COMPOSE|DOCKER|BUILDKIT|TEST|NODE|NPM|LUMIN)_|^(?:NO|FORCE)_COLOR$/i;
/** A name in capitals, as variables have it; what else looks like one may be a part of a secret. */
const NAME = /^[A-Z][A-Z0-9_]{1,63}$/;
const MOST_TOLD = 5;

/**
 * Variables that nobody reads, for people: of the file .env all, of the environment those that are nearly one of ours.
 * @returns lines that name variables and hold no values
 */
export const misspelt = (fromFile: readonly string[], environment: readonly string[], file: string): string[] => {
  const places = [...fromFile.map((name) => ({ name, where: file })), ...environment.map((name) => ({ name, where: 'the environment' }))];
  const strange = places.filter(({ name }) => !isKnown(name));
  const near = strange.flatMap(({ name, where }) => {
    const meant = nearest(name);
    return meant === undefined ? [] : [{ name, line: `${name} in ${where} is not read; is ${meant} meant?` }];
  });
  const others = strange.filter(({ name, where }) => where === file && NAME.test(name) && !near.some((one) => one.name === name));
  const named = others.slice(0, MOST_TOLD).map(({ name }) => name);
  const more = others.length > MOST_TOLD ? ` and ${others.length - MOST_TOLD} more` : '';
  return [
    ...near.slice(0, MOST_TOLD).map(({ line }) => line),
    ...(named.length === 0
      ? []
      : [`${named.join(', ')}${more} in ${file}: no variable of the service; npm run lumin -- config lists those that are`]),
  ];
};

const isKnown = (name: string): boolean => {
  // Windows takes the names of variables in any case.
  const read = process.platform === 'win32' ? name.toUpperCase() : name;
  return variables.includes(read) || COMPOSE.includes(read) || OF_OTHERS.test(read);
};

/** Of ours, the one that the name was meant to be; short names have less room for mistakes. */
const nearest = (name: string): string | undefined =>
  variables
    .map((ours) => ({ ours, distance: ours.toLowerCase() === name.toLowerCase() ? 0 : distance(name.toUpperCase(), ours) }))
    .filter(({ ours, distance }) => distance <= (ours.length < 8 ? 1 : 2))
    .sort((one, other) => one.distance - other.distance)[0]?.ours;

/** How many letters are wrong, missing, too many, or have changed places with the next one (Damerau and Levenshtein). */
const distance = (one: string, other: string): number => {
  if (Math.abs(one.length - other.length) > 2) return Number.POSITIVE_INFINITY;
  const rows: number[][] = [Array.from({ length: other.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let row = 1; row <= one.length; row++) {
    rows[row] = [row];
    for (let column = 1; column <= other.length; column++) {
      const same = one[row - 1] === other[column - 1];
      const swapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      (rows[row] as number[])[column] = Math.min(
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (same ? 0 : 1),
        ...(swapped ? [at(row - 2, column - 2) + 1] : []),
      );
    }
  }
  return at(one.length, other.length);
};
