const UNREACHABLE = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']);
const UNDEFINED_TABLE = '42P01';

type Told = Error & { mistakes?: string[]; kind?: string; sqlstate?: string; code?: string };

/** One line per mistake, in the words of who can mend it. Errors are told by their fields, so that nothing is loaded for it. */
export const explain = (error: Told): string[] => {
  const { name, message, mistakes, kind, sqlstate, code = sqlstate } = error;
  if (mistakes) return mistakes;
  if (code === UNDEFINED_TABLE) return ['the database has no schema yet; run npm run migrate'];
  if ((name === 'StoreFailure' && (kind === 'unsent' || kind === 'unknown')) || UNREACHABLE.has(code ?? '')) {
    return [
      `the database cannot be reached${code ? ` (${code})` : ''}; see DATABASE_URL, of migrations MIGRATION_DATABASE_URL where it is set`,
    ];
  }
  return [message];
};
