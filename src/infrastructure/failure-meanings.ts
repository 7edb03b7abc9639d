/** What a code means, and what an operator does about it. */
export type Meaning = readonly [means: string, next: string];
export type Meanings = Readonly<Record<string, Meaning>>;

const certificate = (means: string): Meaning => [means, 'mend the certificate there, or what the address says of TLS and authorities'];

/** Why a server is not reached at all, by the codes of the system, of TLS and of the drivers. */
export const NETWORK: Meanings = {
  ECONNREFUSED: ['nothing listens at its address', 'see that the server runs, and that host and port are right'],
  ENOTFOUND: ['there is no host of this name', 'correct the host, or the DNS entry'],
  EAI_AGAIN: ['the name of its host cannot be looked up now', 'look at the DNS server of this machine'],
  ETIMEDOUT: ['its address does not answer', 'look at the network, firewalls, and whether its machine runs'],
  EHOSTUNREACH: ['there is no way to its host', 'look at the network and firewalls'],
  ENETUNREACH: ['there is no way to its network', 'look at the routes of this machine'],
  ECONNRESET: ['it cut the connection', 'look at its own log, and at proxies between'],
  EPIPE: ['it cut the connection', 'look at its own log, and at proxies between'],
  ENOENT: ['there is no socket file', 'see that the server runs, and that the folder of its socket is right'],
  EACCES: ['this user may not use its socket', 'give the user of this process access to the socket'],
  EMFILE: ['this process has no file descriptors left', 'raise its limit (ulimit -n)'],
  EPROTO: ['the TLS handshake failed', 'see that both sides want TLS, and versions that the other one has'],
  ERR_SSL_WRONG_VERSION_NUMBER: ['what answers does not speak TLS', 'correct the port, or what the address says of TLS'],
  CERT_HAS_EXPIRED: certificate('its certificate has expired'),
  CERT_NOT_YET_VALID: certificate('its certificate is not valid yet'),
  DEPTH_ZERO_SELF_SIGNED_CERT: certificate('it has signed its certificate itself'),
  SELF_SIGNED_CERT_IN_CHAIN: certificate('an authority that is not known here has signed its certificate'),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: certificate('an authority that is not known here has signed its certificate'),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: certificate('an authority that is not known here has signed its certificate'),
  ERR_TLS_CERT_ALTNAME_INVALID: certificate('its certificate is for another name'),
  CERT_REVOKED: certificate('its certificate was revoked'),
};

const memory = 'give it memory, or lower what others take';
const restarts = 'wait; where it does not come back, look at its own log';
const passing = 'nothing, it is tried again; where it lasts, find who holds the lock (docs/operations.md)';
const damaged: Meaning = ['its data is damaged', 'stop writing, and restore a backup'];

/** SQLSTATEs, also those that a pooler answers with. */
export const POSTGRESQL: Meanings = {
  '08000': ['the connection broke', restarts],
  '08001': ['the connection could not be made', restarts],
  '08003': ['the connection is gone', restarts],
  '08004': ['the server refuses connections', 'look at its own log'],
  '08006': ['the connection broke', restarts],
  '08P01': ['the other side does not take what drivers say', 'look at the pooler and its log (docs/poolers.md)'],
  '22023': ['the server does not take the value of a setting in options or search_path', 'correct it in DATABASE_URL'],
  '25006': ['it takes no changes: it is a standby, or read-only', 'promote it, lead DATABASE_URL to the primary, or free its disk'],
  '28000': [
    'the server does not let this user in from here, or not without TLS',
    'add the user to pg_hba.conf, or sslmode=require to DATABASE_URL',
  ],
  '28P01': ['the password is wrong', 'correct it in DATABASE_URL and restart, or set it again with alter role'],
  '3D000': ['there is no such database', 'make it with createdb, or correct DATABASE_URL'],
  '3F000': ['there is no such schema', 'correct search_path'],
  '40001': ['another transaction came between', passing],
  '40P01': ['two transactions waited for each other', passing],
  '42501': ['this user may not do that', 'run deploy/postgres/roles.sql in this database, or use the role that owns it'],
  '42704': ['the server does not know a setting in options', 'remove it from DATABASE_URL'],
  '42P01': ['a table is not there', 'npm run migrate'],
  '42883': ['a function is not there', 'npm run migrate'],
  '53100': ['its disk is full', 'free or add room; nothing is to be restarted'],
  '53200': ['it is out of memory', memory],
  '53300': ['the server has too many connections', 'raise max_connections, or lower DATABASE_POOL_SIZE and DATABASE_MAX_OVERFLOW'],
  '53400': ['a limit of its configuration is reached', 'look at its own log for which one'],
  '55000': ['it cannot do that now', 'look at its own log'],
  '55P03': ['a lock was not given in time', passing],
  '57014': ['it ended a statement that took too long', passing],
  '57P01': ['it ended the connection, because it stops or somebody told it to', restarts],
  '57P02': ['it crashed and recovers', restarts],
  '57P03': ['the server is starting or stopping', restarts],
  '57P04': ['the database was dropped', 'restore it from a backup'],
  '57P05': ['it ended a connection that was idle', 'set idle_session_timeout to 0 for this role'],
  '58000': ['its machine has an error', 'look at its own log and at its disk'],
  '58030': ['its disk has an error', 'look at its own log and at its disk, and fail over'],
  '58P01': ['a file of its data is missing', 'look at its own log and at its disk, and fail over'],
  XX001: damaged,
  XX002: ['an index is damaged', 'reindex it'],
};

const password = 'correct the password in REDIS_URL or REDIS_PASSWORD and restart, or set it again on the server';

/** The first words of what Redis refuses with. */
export const REDIS: Meanings = {
  WRONGPASS: ['the server does not take the user or the password', password],
  NOAUTH: ['the server asks for a password, and none was given', password],
  NOPERM: [
    'this user may not run a command that is needed, or not on these keys',
    'give it the keys ~lumin:* and +ping +select +getrange +set',
  ],
  OOM: ['its memory is full and it evicts nothing', 'set maxmemory-policy allkeys-lru, or give it memory'],
  LOADING: ['it is reading its data from the disk', restarts],
  READONLY: ['it is a replica', 'lead REDIS_URL to the primary'],
  MASTERDOWN: ['it is a replica that has lost its primary', 'lead REDIS_URL to the primary, or mend the replication'],
  NOREPLICAS: ['it has fewer replicas than it wants for writes', 'mend the replication, or lower min-replicas-to-write'],
  MISCONF: ['it cannot save to its disk and takes no writes', 'set stop-writes-on-bgsave-error no, or free the disk'],
  BUSY: ['it runs a script that does not end', 'script kill'],
  NOPROTO: ['it does not speak the protocol', 'look at what listens there'],
  CLUSTERDOWN: ['its cluster is down', 'lead REDIS_URL to one server, or mend the cluster'],
  MOVED: ['it is part of a cluster, which is not known here', 'lead REDIS_URL to one server'],
  'ERR max number of clients reached': ['it has as many clients as it takes', 'raise maxclients, or lower REDIS_POOL_SIZE'],
  'ERR invalid DB index': ['there is no database of this number', 'correct it in REDIS_URL'],
  'ERR DB index is out of range': ['there is no database of this number', 'correct it in REDIS_URL'],
  'ERR SELECT is not allowed': ['it is part of a cluster, which has no databases', 'leave the number out of REDIS_URL'],
  'no answer in time': ['it does not answer in time', 'look whether it hangs: redis-cli ping, slowlog get; and at the network'],
  'the connection was closed': ['it closed the connection', 'see that the server runs; look at its own log'],
};

const noJetStream: Meaning = ['it has no JetStream, or this account has none', 'start it with -js, or give the account JetStream'];
const fullStream: Meaning = ['the stream is full', 'raise its limits, or remove them'];

/** How the texts begin with which NATS refuses. */
export const NATS: Meanings = {
  'authorization violation': ['the server does not take the user, the password or the token', 'correct them in NATS_URL and restart'],
  'user authentication expired': ['the credentials have expired', 'renew them in NATS_URL and restart'],
  'user authentication revoked': ['the credentials were revoked', 'renew them in NATS_URL and restart'],
  'account authentication expired': ['the credentials of the account have expired', 'renew them on the server'],
  'authentication timeout': ['it was not told in time who this is', 'look at how busy both machines are'],
  'permissions violation': [
    'this user may not publish or subscribe to what is needed',
    'allow _INBOX.>, $JS.API.> and the subjects of NATS_SUBJECT_PREFIX',
  ],
  'maximum connections exceeded': ['it has as many connections as it takes', 'raise max_connections'],
  'maximum account active connections exceeded': ['the account has as many connections as it may', 'raise the limit of the account'],
  'maximum subscriptions exceeded': ['there are as many subscriptions as it takes', 'raise max_subscriptions'],
  'maximum payload violation': ['an event is larger than it takes', 'raise max_payload to its default of 1 MB'],
  'slow consumer': ['it cut the connection, because this process did not read', 'look at how busy this machine is'],
  'stale connection': ['it did not answer pings', 'look whether it hangs, and at the network'],
  'secure connection': ['it insists on TLS', 'begin NATS_URL with tls://'],
  "server does not support 'tls'": ['it has no TLS', 'begin NATS_URL with nats://, or give it a certificate'],
  "'tls' is not available on this server": ['it has no TLS', 'begin NATS_URL with nats://, or give it a certificate'],
  'unexpected response from server': ['what answers is no NATS', 'correct host and port in NATS_URL'],
  'server shutdown': ['it stops', restarts],
  'jetstream not enabled': noJetStream,
  'jetstream is not enabled': noJetStream,
  insufficient: ['it has no room for the stream', 'free or add room (docs/operations.md, A full disk)'],
  'maximum bytes exceeded': fullStream,
  'maximum messages exceeded': fullStream,
  'connection refused': NETWORK.ECONNREFUSED as Meaning,
  'closed connection': ['it closed the connection', 'see that the server runs; look at its own log'],
  timeout: ['it does not answer in time', 'look whether it hangs, and at the network'],
};

/** Which of these a text begins with, in whatever case. */
export const beginningOf = (meanings: Meanings, text: string): string | undefined =>
  Object.keys(meanings).find((beginning) => text.toLowerCase().startsWith(beginning.toLowerCase()));

/** The words where there are any, with the code. */
export const inWords = (meaning: Meaning | undefined, code: string) =>
  meaning === undefined ? { code, text: code, next: 'look at its own log' } : { code, text: `${meaning[0]} (${code})`, next: meaning[1] };
