import process from 'node:process';
import { type Config, InvalidConfig, readConfig, settings } from '../config.ts';
import { loadEnvFile } from '../env-file.ts';
import { isFromFile, rememberFromFile } from '../from-file.ts';
import { type Finding, ok, wrong } from './finding.ts';

const OLDEST_NODE = [22, 19] as const;

export const nodeOf = (version = process.versions.node): Finding => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const old = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
  const wanted = OLDEST_NODE.join('.');
  return old
    ? wrong('Node', `${version}, and ${wanted} or later is needed`, 'npm run lumin -- doctor, which finds the Node that npm ci brought')
    : ok('Node', `${version} (${wanted} or later is needed)`);
};

/** What is to be told of .env, and of variables of the environment that nobody reads. `environment` is what the variables were before the file was read. */
export const envFileOf = (environment: NodeJS.ProcessEnv): Finding[] => {
  const check = '.env';
  const read = { ...environment };
  try {
    const lines = loadEnvFile(read);
    if (lines.length > 0) {
      const mend = 'correct it, or remove it; npm run lumin -- config lists what there is';
      return lines.map((line) => wrong(line.includes('in the environment') ? 'environment' : check, line, mend));
    }
    const added = Object.keys(read).filter((name) => environment[name] === undefined).length;
    return [ok(check, added === 0 ? 'sets nothing that the environment does not' : `sets ${added} variables`)];
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error;
    return error.mistakes.map((mistake) => wrong(check, mistake, 'chown it to this user, or chmod u+r .env'));
  }
};

/** The configuration, and each variable of it that is wrong; such a one is as if it were not set, so that the rest can be looked at. */
export const settingsOf = (env: NodeJS.ProcessEnv): { config: Config; findings: Finding[]; wrongNames: Set<string> } => {
  const names = Object.keys(settings);
  try {
    const config = readConfig(env);
    const set = names.filter((name) => env[name]).length;
    return {
      config,
      findings: [ok('configuration', `${set} of ${names.length} variables are set, and all are right`)],
      wrongNames: new Set(),
    };
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error;
    const findings = error.mistakes.map((mistake) => {
      const [name = ''] = mistake.split(' ', 1);
      return wrong(name, mistake, `correct ${name}; npm run lumin -- config says what it means`);
    });
    const wrongNames = new Set(findings.map(({ check }) => check));
    // Who checks the callers is of no matter to what is looked at next.
    const rest: NodeJS.ProcessEnv = { AUTH_MODE: 'off-behind-gateway' };
    for (const [name, value] of Object.entries(env)) if (name !== 'AUTH_MODE' && !isWrong(name, wrongNames)) rest[name] = value;
    rememberFromFile(
      rest,
      Object.keys(rest).filter((name) => isFromFile(env, name)),
    );
    return { config: readConfig(rest), findings, wrongNames };
  }
};

/** Also under the other name that a variable may have. */
const isWrong = (name: string, wrongNames: ReadonlySet<string>): boolean =>
  wrongNames.has(name) || (name.startsWith('TASKIQ_') && wrongNames.has(name.replace('TASKIQ_', 'TASK_')));
