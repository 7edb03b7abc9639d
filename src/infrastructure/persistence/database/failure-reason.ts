const MEANINGS: Record<string, string> = {
  '28000': 'the server does not let this user in from here, or not without TLS',
  '28P01': 'the password is wrong',
  '3D000': 'there is no such database',
  '53300': 'the server has too many connections',
  '57P03': 'the server is starting or stopping',
};

/** How texts of the driver and of PgBouncer begin, where they say why there is no connection. What comes after may be a value. */
const FIXED_TEXTS = [
  ...['The server does not support SSL connections', 'There was an error establishing an SSL connection'],
  ...['timeout expired', 'timeout exceeded when trying to connect', 'Query read timeout'],
  ...['Connection terminated due to connection timeout', 'Connection terminated unexpectedly', 'Connection terminated'],
  ...['SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a', 'SASL: Only mechanism(s) SCRAM-SHA-256'],
  ...['no such database', 'no such user', 'SASL authentication failed', 'password authentication failed', 'SSL required'],
  ...['unsupported startup parameter', 'bouncer config error', 'bouncer resources exhaustion', 'no more connections allowed'],
  ...['query_wait_timeout', 'client_login_timeout', 'server login has been failing', 'pgbouncer cannot connect to server'],
  ...['server connection closed', 'server conn crashed', 'pooler is shut down', 'database removed', 'not allowed'],
];

/** Why there is no connection, for the log: a code, and words that hold no value. */
export const failureReason = (error: unknown): string | undefined => {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  const words = MEANINGS[code] ?? FIXED_TEXTS.find((text) => message.startsWith(text)) ?? '';
  return [code, words].filter(Boolean).join(' ') || undefined;
};
