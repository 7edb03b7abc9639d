import { type ConnectionOptions, createSecureContext, getCACertificates, type SecureContextOptions } from 'node:tls';
import { Mistake, type Parameters } from '../../address.ts';
import { authorities, fileText } from '../../pem-files.ts';

/** How a connection is protected: by TLS with these options; null: not at all. */
export type Encryption = ConnectionOptions | null;

type Form = 'none' | 'tls' | 'ca' | 'full';

/** What sslmode allows, in the order in which it is tried; `ca` and `full` say what of the server's certificate is checked. */
const MODES: Record<string, readonly Form[]> = {
  disable: ['none'],
  allow: ['none', 'tls'],
  prefer: ['tls', 'none'],
  require: ['tls'],
  'verify-ca': ['ca'],
  'verify-full': ['full'],
};
/** What else `ssl` may say, which asyncpg takes for sslmode. */
const SWITCHES: Record<string, string> = { true: 'verify-full', 1: 'verify-full', false: 'disable', 0: 'disable', 'no-verify': 'require' };
const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;

/**
 * What libpq means by these parameters. Without sslmode it prefers TLS; where nothing leaves this machine, TLS is used only if
 * the server insists on it.
 * @throws Mistake
 */
export const encryptions = (parameters: Parameters): ((isLocal: boolean) => Encryption[]) => {
  const authority = parameters.take('sslrootcert');
  const mode = parameters.take('ssl', 'sslmode');
  const context = contextOf(parameters, authority);
  const preset = (isLocal: boolean): string => (authority === 'system' ? 'verify-full' : isLocal ? 'allow' : 'prefer');
  return (isLocal) =>
    formsOf(mode ?? preset(isLocal), authority).map((form) => {
      if (form === 'none') return null;
      return { ...context, rejectUnauthorized: form !== 'tls', ...(form === 'ca' && { checkServerIdentity: () => undefined }) };
    });
};

const formsOf = (mode: string, authority: string | undefined): readonly Form[] => {
  const forms = MODES[SWITCHES[mode] ?? mode]?.map((form) => (form === 'tls' && authority !== undefined ? 'ca' : form));
  if (forms === undefined) throw new Mistake(`has an sslmode that is none of ${Object.keys(MODES).join(', ')}`);
  if (authority === 'system' && !forms.includes('full')) throw new Mistake('has sslrootcert=system, which wants sslmode=verify-full');
  if (authority === undefined && forms.includes('ca')) throw new Mistake('has sslmode=verify-ca, which wants sslrootcert');
  return forms;
};

/** Made once: the authorities of a whole system are read in a tenth of a second. */
const contextOf = ({ take, oneOf }: Parameters, authority: string | undefined): Pick<ConnectionOptions, 'secureContext'> => {
  const options: SecureContextOptions = {
    ca: authority && (authority === 'system' ? publicAuthorities() : authorities('sslrootcert', authority)),
    cert: textOf('sslcert', take('sslcert')),
    key: textOf('sslkey', take('sslkey')),
    passphrase: take('sslpassword'),
    crl: textOf('sslcrl', take('sslcrl')),
    minVersion: oneOf(VERSIONS, 'ssl_min_protocol_version'),
    maxVersion: oneOf(VERSIONS, 'ssl_max_protocol_version'),
  };
  if ((options.cert === undefined) !== (options.key === undefined)) throw new Mistake('has one of sslcert and sslkey, which go together');
  if (Object.values(options).every((value) => value === undefined)) return {};
  try {
    return { secureContext: createSecureContext(options) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Mistake(`has an sslcert, sslkey, sslpassword or sslcrl that cannot be used (${code})`);
  }
};

const textOf = (parameter: string, file: string | undefined): string | undefined => file && fileText(parameter, file);

const publicAuthorities = (): string[] => [...getCACertificates('default'), ...getCACertificates('system')];
