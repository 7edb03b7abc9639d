/**
 * A regular expression as the OpenAPI document names it: one that ECMAScript, RE2 (Go), Java and Python read alike. So nowhere
 * is there a look-around, which RE2 does not have, nor \p{…}, which Python does not have; and no quotation mark, which would
 * end the literal that generators write into their code.
 */
export const patternOf = (regex: RegExp): string => regex.source.replaceAll('\\/', '/').replaceAll('"', '\\x22');
