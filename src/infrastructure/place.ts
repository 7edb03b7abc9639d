/** A server as the configuration names it, for people: nothing of it is secret. */
export type Place = {
  kind: 'PostgreSQL' | 'Redis' | 'NATS' | 'collector';
  /** `host:port`, of several servers with commas; of the embedded database what it is called. */
  at: string;
  user: string;
  database: string;
  /** The variable that names it, and where that was set: `DATABASE_URL in .env`. */
  setting: string;
  /** The same of the variable that has its password, where it is another one. */
  secret?: string;
};
