import type { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import pg from 'pg';
import { passwordInFile } from './password-file.ts';
import type { PostgresAddress, PostgresHost } from './postgres-address.ts';
import type { Encryption } from './postgres-encryption.ts';

const SOCKET_FOLDERS = ['/run/postgresql', '/var/run/postgresql', '/tmp'];

const localHost = (port: number): string => SOCKET_FOLDERS.find((folder) => existsSync(`${folder}/.s.PGSQL.${port}`)) ?? 'localhost';

/**
 * The driver's client for the host that is tried at the moment. The driver itself would look into a dozen variables of the
 * environment.
 */
export const clientFor = (address: PostgresAddress, connectMs: number, tried: () => { host: PostgresHost; encryption: Encryption }) =>
  class extends pg.Client {
    /** Whether the server offered what channel_binding=require asks for; the driver then takes it. */
    offersChannelBinding = false;

    constructor(config: pg.ClientConfig) {
      const { host, encryption } = tried();
      super({
        ...config,
        connectionTimeoutMillis: connectMs,
        host: host.name ?? localHost(host.port),
        port: host.port,
        user: address.user,
        database: address.database,
        password: () => address.password ?? passwordInFile(address, host) ?? '',
        ssl: encryption ?? false,
        sslnegotiation: address.direct ? 'direct' : 'postgres',
        enableChannelBinding: address.channelBinding === 'require',
      });
      const { connection } = this as unknown as { connection: EventEmitter };
      connection.once('authenticationSASL', ({ mechanisms }: { mechanisms: string[] }) => {
        this.offersChannelBinding = mechanisms.includes('SCRAM-SHA-256-PLUS');
      });
    }

    /** All that is said before the first statement: poolers refuse what they do not know. */
    getStartupConf() {
      return { user: address.user, database: address.database, application_name: address.applicationName };
    }
  };
