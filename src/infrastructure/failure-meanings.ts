/**
 * What a failure means, and what an operator does about it. `HOST:PORT`, `HOST`, `USER`, `DATABASE`, `VARIABLE` (the one that names
 * the server), `SECRET` (the one with its password), `AUTHORITY` (where an authority of one's own is named), `OWNER` and
 * `OPTIONS` (of createdb and createuser) stand for what the configuration has. `UNSURE`: only where it lasts it is an outage.
 */
export type Meaning = readonly [means: string, next: string, unsure?: typeof UNSURE];
export type Meanings = Readonly<Record<string, Meaning>>;

/** No answer came in time, or a connection was cut: a machine that has no time answers late as well. */
export const UNSURE = 'unsure';

const authority = 'name the authority that has signed it in AUTHORITY';
const certificate = 'mend the certificate there';
const unknownAuthority: Meaning = ['an authority that is not known here has signed the certificate of HOST:PORT', authority];
const cut: Meaning = ['HOST:PORT cut the connection', 'look at its own log, at proxies between, and whether it wants TLS', UNSURE];
const noTls: Meaning = ['HOST:PORT does not speak TLS, which the address asks for', 'give it a certificate, or leave TLS out of VARIABLE'];

/** Why a server is not reached at all, by the codes of the system, of TLS and of the drivers. */
export const NETWORK: Meanings = {
  ECONNREFUSED: ['nothing listens on HOST:PORT', 'start the server, or correct host and port'],
  ENOTFOUND: ['there is no host HOST', 'correct its name, or the DNS entry'],
  EAI_AGAIN: ['the name HOST cannot be looked up now', 'look at the DNS server of this machine'],
  ETIMEDOUT: ['HOST:PORT does not answer', 'look at the network, firewalls, and whether its machine runs'],
  EHOSTUNREACH: ['there is no way to HOST', 'look at the network and firewalls'],
  ENETUNREACH: ['there is no way to the network of HOST', 'look at the routes of this machine'],
  EADDRNOTAVAIL: ['HOST:PORT is no address to connect to', 'correct host and port'],
  EINVAL: ['HOST:PORT is no address to connect to', 'correct host and port'],
  ECONNRESET: cut,
  EPIPE: cut,
  ENOENT: ['there is no socket file at HOST:PORT', 'start the server, or correct the folder of its socket'],
  EACCES: ['this user may not use the socket at HOST:PORT', 'give the user of this process access to it'],
  EMFILE: ['this process has no file descriptors left', 'raise its limit (ulimit -n)'],
  EPROTO: ['the TLS handshake with HOST:PORT failed', 'see that both sides want TLS, and versions that the other one has'],
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noTls,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: ['HOST:PORT does not know the authority of our certificate', 'name that authority there'],
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: [
    'HOST:PORT asks for a certificate of the client',
    'name one in VARIABLE, or let it ask for none',
  ],
  CERT_HAS_EXPIRED: ['the certificate of HOST:PORT has expired', certificate],
  CERT_NOT_YET_VALID: ['the certificate of HOST:PORT is not valid yet', `${certificate}, or set the clock`],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['HOST:PORT has signed its certificate itself', 'name that certificate in AUTHORITY'],
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  ERR_TLS_CERT_ALTNAME_INVALID: ['the certificate of HOST:PORT is for another name', `use the name that it is for, or ${certificate}`],
  CERT_REVOKED: ['the certificate of HOST:PORT was revoked', certificate],
};

const memory = 'give it memory, or lower what others take';
const restarts = 'wait; where it does not come back, look at its own log';
const passing = 'nothing, it is tried again; where it lasts, find who holds the lock (docs/operations.md)';
const damaged: Meaning = ['the data on HOST:PORT is damaged', 'stop writing, and restore a backup'];
const broke: Meaning = ['the connection to HOST:PORT broke', restarts, UNSURE];
const pooler = 'look at the pooler and its log (docs/poolers.md)';
const poolerWaits: Meaning = ['the pooler at HOST:PORT has no connection to give', pooler, UNSURE];
const wrongPassword: Meaning = [
  'the password of the role "USER" is wrong on HOST:PORT, or there is no such role',
  'correct it and restart, or set it again: alter role USER password …',
];
const silent: Meaning = [
  'HOST:PORT does not answer in time',
  'look whether it hangs, whether it is PostgreSQL, and at the network',
  UNSURE,
];
const noDatabase: Meaning = ['the database "DATABASE" does not exist on HOST:PORT', 'createdb DATABASE OWNER OPTIONS'];
const closes: Meaning = ['HOST:PORT closes the connection', 'see that PostgreSQL is what listens there; look at its own log', UNSURE];
const tooMany: Meaning = [
  'HOST:PORT has too many connections',
  'raise max_connections, or lower DATABASE_POOL_SIZE and DATABASE_MAX_OVERFLOW',
];

/** SQLSTATEs, also those that a pooler answers with, and beginnings of texts that say more than the code beside them. */
export const POSTGRESQL: Meanings = {
  '08000': broke,
  '08001': ['the connection to HOST:PORT could not be made', restarts],
  '08003': broke,
  '08004': ['HOST:PORT refuses connections', 'look at its own log'],
  '08006': broke,
  '08P01': ['the pooler at HOST:PORT does not take what drivers say', pooler],
  '22023': ['HOST:PORT does not take the value of a setting in options or search_path', 'correct it'],
  '25006': ['HOST:PORT takes no changes: it is a standby, or read-only', 'promote it, lead VARIABLE to the primary, or free its disk'],
  '28000': ['HOST:PORT does not let the role "USER" in from here', 'let it in by a line of pg_hba.conf'],
  'no pg_hba.conf entry for host "…", user "…", database "…", no encryption': [
    'HOST:PORT does not let the role "USER" in from here, or not without TLS',
    'add a line for it to pg_hba.conf, or sslmode=require to VARIABLE',
  ],
  'role "…" does not exist': ['the role "USER" does not exist on HOST:PORT', 'createuser USER --pwprompt OPTIONS'],
  'role "…" is not permitted to log in': ['the role "USER" may not log in on HOST:PORT', 'alter role USER login'],
  '28P01': wrongPassword,
  'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a': [
    'HOST:PORT asks for the password of the role "USER", and none is given',
    'write it after the user and a colon, or into ~/.pgpass of mode 0600',
  ],
  'SASL: Only mechanism(s)': ['HOST:PORT asks for a kind of password that is not known here', 'let it ask for scram-sha-256 (pg_hba.conf)'],
  '3D000': noDatabase,
  '3F000': ['there is no such schema on HOST:PORT', 'correct search_path'],
  '40001': ['another transaction came between', passing],
  '40P01': ['two transactions waited for each other', passing],
  '42501': [
    'the role "USER" may not do that in the database "DATABASE" on HOST:PORT',
    'run deploy/postgres/roles.sql in this database, or use the role that owns it',
  ],
  'permission denied for database': [
    'the role "USER" may not use the database "DATABASE" on HOST:PORT',
    'grant connect on database DATABASE to USER',
  ],
  'permission denied for schema': [
    'the role "USER" may make no tables in the database "DATABASE" on HOST:PORT',
    'alter database DATABASE owner to USER, or migrate as its owner (MIGRATION_DATABASE_URL)',
  ],
  '42704': ['HOST:PORT does not know a setting in options', 'remove it'],
  '42P01': ['tables are missing in the database "DATABASE" on HOST:PORT', 'npm run migrate'],
  '42883': ['functions are missing in the database "DATABASE" on HOST:PORT', 'npm run migrate'],
  '53100': ['the disk of HOST:PORT is full', 'free or add room; nothing is to be restarted'],
  '53200': ['HOST:PORT is out of memory', memory],
  '53300': tooMany,
  '53400': ['HOST:PORT has reached a limit of its configuration', 'look at its own log for which one'],
  '55000': ['HOST:PORT cannot do that now', 'look at its own log'],
  '55P03': ['a lock was not given in time', passing],
  '57014': ['HOST:PORT ended a statement that took too long', passing],
  '57P01': ['HOST:PORT ended the connection, because it stops or somebody told it to', restarts, UNSURE],
  '57P02': ['HOST:PORT crashed and recovers', restarts],
  '57P03': ['HOST:PORT is starting or stopping', restarts],
  '57P04': ['the database "DATABASE" on HOST:PORT was dropped', 'restore it from a backup'],
  '57P05': ['HOST:PORT ended a connection that was idle', 'set idle_session_timeout to 0 for the role USER'],
  '58000': ['the machine of HOST:PORT has an error', 'look at its own log and at its disk'],
  '58030': ['the disk of HOST:PORT has an error', 'look at its own log and at its disk, and fail over'],
  '58P01': ['a file of the data of HOST:PORT is missing', 'look at its own log and at its disk, and fail over'],
  XX001: damaged,
  XX002: ['an index on HOST:PORT is damaged', 'reindex it'],
  'The server does not support SSL connections': [
    'HOST:PORT offers no TLS, and sslmode asks for it',
    'turn ssl on there, or take sslmode=prefer',
  ],
  'There was an error establishing an SSL connection': ['what listens on HOST:PORT is not PostgreSQL', 'correct host and port'],
  'timeout expired': silent,
  'Query read timeout': silent,
  'timeout exceeded when trying to connect': [
    'all connections of this process are in use',
    'find what takes long (docs/operations.md), or raise DATABASE_POOL_SIZE',
    UNSURE,
  ],
  'Connection terminated due to connection timeout': silent,
  'Connection terminated unexpectedly': closes,
  'Connection terminated': closes,
  'no such database': noDatabase,
  'no such user': ['the pooler at HOST:PORT does not know the role "USER"', pooler],
  'password authentication failed': wrongPassword,
  'SASL authentication failed': wrongPassword,
  'SSL required': ['the pooler at HOST:PORT wants TLS', 'add sslmode=require to VARIABLE'],
  'no more connections allowed': ['the pooler at HOST:PORT has as many clients as it takes', 'raise max_client_conn'],
  query_wait_timeout: poolerWaits,
  client_login_timeout: poolerWaits,
  'no answer': ['HOST:PORT gives no answer', 'look at its own log, and at what is between', UNSURE],
};

const password = 'correct SECRET and restart, or set the password again on the server';
const redisCut = 'see that Redis is what listens there, and whether it wants TLS (rediss://); look at its own log';
const noNumber: Meaning = ['HOST:PORT has no database of the number DATABASE', 'take one from 0 to 15, or raise databases there'];
const silentRedis: Meaning = [
  'HOST:PORT does not answer in time',
  'see that it is Redis, with TLS if rediss:// says so, and whether it hangs (redis-cli ping, slowlog get)',
  UNSURE,
];
const cluster = 'lead VARIABLE to one server';

/** The first words of what Redis refuses with. */
export const REDIS: Meanings = {
  WRONGPASS: ['HOST:PORT does not take the user or the password', password],
  'ERR invalid password': ['HOST:PORT does not take the password', password],
  NOAUTH: ['HOST:PORT asks for a password, and none is given', 'write it into SECRET'],
  NOPERM: [
    'the user may not run a command that is needed on HOST:PORT, or not on these keys',
    'give it the keys ~lumin:* and +ping +select +getrange +set',
  ],
  OOM: ['the memory of HOST:PORT is full, and it evicts nothing', 'set maxmemory-policy allkeys-lru, or give it memory'],
  LOADING: ['HOST:PORT is reading its data from the disk', restarts],
  READONLY: ['HOST:PORT is a replica', 'lead VARIABLE to the primary'],
  MASTERDOWN: ['HOST:PORT is a replica that has lost its primary', 'lead VARIABLE to the primary, or mend the replication'],
  NOREPLICAS: ['HOST:PORT has fewer replicas than it wants for writes', 'mend the replication, or lower min-replicas-to-write'],
  MISCONF: ['HOST:PORT cannot save to its disk and takes no writes', 'set stop-writes-on-bgsave-error no, or free the disk'],
  BUSY: ['HOST:PORT runs a script that does not end', 'script kill'],
  NOPROTO: ['HOST:PORT does not speak the protocol', 'look at what listens there'],
  DENIED: ['HOST:PORT is in protected mode and lets no other machine in', 'set a password there (requirepass), and in SECRET'],
  CLUSTERDOWN: ['the cluster of HOST:PORT is down', `${cluster}, or mend the cluster`],
  MOVED: ['HOST:PORT is part of a cluster, which is not known here', cluster],
  'ERR max number of clients reached': ['HOST:PORT has as many clients as it takes', 'raise maxclients, or lower REDIS_POOL_SIZE'],
  'ERR invalid DB index': noNumber,
  'ERR DB index is out of range': noNumber,
  'ERR SELECT is not allowed': ['HOST:PORT is part of a cluster, which has no databases', 'leave the number out of VARIABLE'],
  'Protocol error': ['what listens on HOST:PORT is not Redis', 'correct host and port'],
  'no answer in time': silentRedis,
  // Of the client, where the connection is made and a TLS handshake gets no answer.
  ETIMEDOUT: silentRedis,
  'the connection was closed': ['HOST:PORT closes the connection', redisCut, UNSURE],
};

const noJetStream = 'start it with -js, or give the account JetStream';
const fullStream: Meaning = ['the stream is full', 'raise its limits, or remove them'];
const natsWithoutTls: Meaning = [
  'HOST:PORT has no TLS, and the address asks for it',
  'begin VARIABLE with nats://, or give it a certificate',
];

/** How the texts begin with which NATS refuses. */
export const NATS: Meanings = {
  'authorization violation': ['HOST:PORT does not take the user, the password or the token', 'correct them and restart'],
  'user authentication expired': ['the credentials for HOST:PORT have expired', 'renew them and restart'],
  'user authentication revoked': ['the credentials for HOST:PORT were revoked', 'renew them and restart'],
  'account authentication expired': ['the credentials of the account have expired', 'renew them on the server'],
  'authentication timeout': ['HOST:PORT was not told in time who this is', 'look at how busy both machines are'],
  'permissions violation': [
    'the user may not publish or subscribe to what is needed on HOST:PORT',
    'allow _INBOX.>, $JS.API.> and the subjects of NATS_SUBJECT_PREFIX',
  ],
  'maximum connections exceeded': ['HOST:PORT has as many connections as it takes', 'raise max_connections'],
  'maximum account active connections exceeded': ['the account has as many connections as it may', 'raise the limit of the account'],
  'maximum subscriptions exceeded': ['there are as many subscriptions as HOST:PORT takes', 'raise max_subscriptions'],
  'maximum payload violation': ['an event is larger than HOST:PORT takes', 'raise max_payload to its default of 1 MB'],
  'slow consumer': ['HOST:PORT cut the connection, because this process did not read', 'look at how busy this machine is'],
  'stale connection': ['HOST:PORT did not answer pings', 'look whether it hangs, and at the network', UNSURE],
  'secure connection': ['HOST:PORT insists on TLS', 'begin VARIABLE with tls://'],
  "server does not support 'tls'": natsWithoutTls,
  "'tls' is not available on this server": natsWithoutTls,
  'unexpected response from server': ['what listens on HOST:PORT is not NATS', 'correct host and port'],
  'server shutdown': ['HOST:PORT stops', restarts, UNSURE],
  'jetstream not enabled': ['HOST:PORT has no JetStream, or this account has none', noJetStream],
  'jetstream is not enabled': ['HOST:PORT has no JetStream, or this account has none', noJetStream, UNSURE],
  insufficient: ['HOST:PORT has no room for the stream', 'free or add room (docs/operations.md, A full disk)'],
  'maximum bytes exceeded': fullStream,
  'maximum messages exceeded': fullStream,
  'connection refused': NETWORK.ECONNREFUSED as Meaning,
  'closed connection': ['HOST:PORT closed the connection', 'see that NATS is what listens there; look at its own log', UNSURE],
  timeout: ['HOST:PORT does not answer in time', 'look whether it hangs, whether it is NATS, and at the network', UNSURE],
};
