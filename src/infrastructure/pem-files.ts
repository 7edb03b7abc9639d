import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Mistake } from './address.ts';

/** The text of the file that a parameter names. @throws Mistake */
export const fileText = (parameter: string, file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Mistake(`names a file in ${parameter} that cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
};

/** The certificates of authorities in it. TLS itself would take garbage for none at all. @throws Mistake */
export const authorities = (parameter: string, file: string): string[] => {
  const found = fileText(parameter, file).match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
  try {
    for (const certificate of found) new X509Certificate(certificate);
    if (found.length > 0) return found;
  } catch {
    // Said below.
  }
  throw new Mistake(`names a file in ${parameter} that holds no certificates in PEM form`);
};
