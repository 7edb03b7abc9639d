/** How the texts begin with which drivers and servers say why there is no connection. In them nothing is a value; what comes after may be one. */
const FIXED_TEXTS = [
  // PostgreSQL's driver, and PgBouncer.
  ...['The server does not support SSL connections', 'There was an error establishing an SSL connection'],
  ...['timeout expired', 'timeout exceeded when trying to connect', 'Query read timeout'],
  ...['Connection terminated due to connection timeout', 'Connection terminated unexpectedly', 'Connection terminated'],
  ...['SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a', 'SASL: Only mechanism(s) SCRAM-SHA-256'],
  ...['no such database', 'no such user', 'SASL authentication failed', 'password authentication failed', 'SSL required'],
  ...['unsupported startup parameter', 'bouncer config error', 'bouncer resources exhaustion', 'no more connections allowed'],
  ...['query_wait_timeout', 'client_login_timeout', 'server login has been failing', 'pgbouncer cannot connect to server'],
  ...['server connection closed', 'server conn crashed', 'pooler is shut down', 'database removed'],
  // Redis.
  ...['ERR invalid DB index', 'ERR DB index is out of range', 'ERR max number of clients reached', 'ERR SELECT is not allowed'],
  ...['ERR AUTH <password> called without any password configured', "ERR wrong number of arguments for 'auth' command"],
  // NATS.
  ...['Authorization Violation', 'User Authentication', 'maximum connections exceeded', 'unexpected response from server'],
  ...["server does not support 'tls'", "'tls' is not available on this server", 'connection refused', 'timeout'],
];

export const fixedText = (message: string): string | undefined => FIXED_TEXTS.find((text) => message.startsWith(text));
