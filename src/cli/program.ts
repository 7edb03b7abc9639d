import { Command, InvalidArgumentError, Option } from 'commander';
import type { CommandName } from './commands.ts';
import { completion, suggestions } from './completion.ts';

/** What the command line says beside the command's own options. */
export type Global = { json?: boolean; color: boolean; url?: string };
export type Run = (name: CommandName, options: object, global: Global) => Promise<void>;

const whole =
  (what: string, least: number, most: number) =>
  (text: string): number => {
    if (!/^\d{1,15}$/.test(text) || Number(text) < least || Number(text) > most) throw new InvalidArgumentError(`It must be ${what}.`);
    return Number(text);
  };

const examples = (...lines: string[]): string => `\nExamples:\n${lines.map((line) => `  lumin ${line}`).join('\n')}`;

/** More are no demonstration. */
const MOST_USERS = 10_000;
const STATUSES = ['active', 'inactive', 'blocked', 'deleted'];

/** The command line: what it takes and what its help says. It loads nothing of the service. */
export const program = (version: string, run: Run): Command => {
  const root = new Command('lumin')
    .description("The operator's commands of Lumin User Service.")
    .version(version, '--version', 'print the version')
    .option('--json', 'JSON lines, also on a terminal')
    .option('--no-color', 'no colours; NO_COLOR says the same')
    .option('--url <url>', 'ask the service at this address over HTTP, with LUMIN_KEY as its bearer token if set')
    .helpOption('-h, --help', 'print the help of a command')
    .helpCommand(false)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .addHelpText(
      'after',
      `
On a terminal lists are tables, in a pipe JSON lines. With the embedded database
commands work while the service runs: they go to it through a socket in its folder.

Exit codes: 0 done, 1 failed or something is wrong, 2 the command line is wrong.

Examples:
  lumin help users list
  lumin users list --status blocked
  lumin events --follow --url http://localhost:8000`,
    );

  /** Hands arguments and options over under their names. */
  const runs = (command: Command, name: CommandName | ((options: object) => CommandName) = command.name() as CommandName): Command =>
    command.action((...given: unknown[]) => {
      const named = command.registeredArguments.map((argument, index) => [argument.name(), given[index]]);
      const options = { ...Object.fromEntries(named.filter(([, value]) => value !== undefined)), ...command.opts() };
      return run(typeof name === 'string' ? name : name(options), options, root.opts());
    });

  runs(
    root.command('config').description('Every variable, its value in force and where it is from; exit code 1 where one is wrong.'),
  ).addHelpText('after', examples('config', 'config --json'));

  runs(
    root
      .command('doctor')
      .description(
        'Look at all that the service needs: Node, folder, port, .env, the configuration, database, Redis, NATS, clocks. ' +
          'Says of what is wrong what mends it; exit code 1 where something is.',
      ),
  ).addHelpText('after', examples('doctor', 'doctor --json'));

  runs(
    root
      .command('demo')
      .description(
        'Fill an empty database with people to try things on: a year of changes, profile views, blocked, inactive and deleted ones, ' +
          'tasks of every status. With NATS configured, their events go there as all events do. Refused in production.',
      )
      .option('--users <number>', 'how many people', whole(`a whole number from 1 to ${MOST_USERS}`, 1, MOST_USERS), 1_000)
      .option('--seed <number>', 'other people for another number, the same ones for the same', whole('a whole number', 0, 999_999_999), 1),
  ).addHelpText('after', examples('demo', 'demo --users 50 --seed 7'));

  runs(
    root
      .command('reset')
      .description(
        'Remove the embedded database, where nobody has it open. It asks, or wants --yes where nobody can be asked. ' +
          'Files in its folder that the service has not made stay.',
      )
      .option('--yes', 'do not ask')
      .option('--lose-the-log', 'also in production, and where there are events'),
  ).addHelpText('after', examples('reset', 'reset --lose-the-log --yes'));

  const migrate = root
    .command('migrate')
    .summary('Bring the database schema up to date, back, or say where it stands.')
    .description(
      'Bring the database schema up to date, one step back, or say where it stands (exit code 1 where steps are pending). ' +
        'Down loses what the step has made, so it asks, or wants --yes where nobody can be asked.',
    )
    .addArgument(root.createArgument('[direction]', 'which way').choices(['up', 'down', 'status']).default('up'))
    .option('--yes', 'of down: do not ask')
    .option('--lose-the-log', 'of down: also in production, and where there are events')
    .addHelpText('after', examples('migrate', 'migrate status'));
  runs(migrate, (options) => ((options as { direction: string }).direction === 'status' ? 'migrate status' : 'migrate'));

  runs(
    root.command('verify').description('Check the log and the read model; exit code 1 where they break a rule. The service may run.'),
  ).addHelpText('after', examples('verify', 'verify --json'));

  runs(root.command('rebuild').description('Make the read model again from the log. The service may run.')).addHelpText(
    'after',
    examples('rebuild'),
  );

  runs(
    root
      .command('events')
      .description('The log in order of position, without personal data.')
      .option('-f, --follow', 'go on with what is written from now on, until Ctrl-C')
      .option('--after <position>', 'begin after this position', whole('a position, a whole number', 0, 999_999_999_999_999))
      .option('--user <id>', 'only the events of this user, views of the profile included'),
  ).addHelpText('after', examples('events --after 1000', 'events --follow', 'events --user 550e8400-e29b-41d4-a716-446655440000'));

  const users = root
    .command('users')
    .description('Users as the service has them: one of them, or a list.')
    .helpCommand(false)
    .addHelpText('after', examples('users get 550e8400-e29b-41d4-a716-446655440000', 'users list'));
  runs(users.command('get').description('One user.').argument('<id>', 'the id of the user'), 'users get').addHelpText(
    'after',
    examples('users get 550e8400-e29b-41d4-a716-446655440000'),
  );
  runs(
    users
      .command('list')
      .description('Users, latest first.')
      .addOption(new Option('--status <status>', 'only users with this status').choices(STATUSES))
      .option('--q <text>', 'words of a name, the beginning of an address, of a number or of an id')
      .option('--email <address>', 'only the user with this address')
      .option('--phone <number>', 'only the user with this number')
      .option('--limit <number>', 'at most so many', whole('a whole number from 1 to 99999', 1, 99_999), 50)
      .option('--all', 'all of them'),
    'users list',
  ).addHelpText('after', examples('users list --status blocked', 'users list --q ann --limit 5', 'users list --all --json'));

  root
    .command('completion')
    .description('Print what makes the TAB key complete commands in a shell.')
    .addArgument(root.createArgument('<shell>', 'the shell').choices(['bash', 'zsh']))
    .action((shell: 'bash' | 'zsh') => void process.stdout.write(completion[shell]))
    .addHelpText(
      'after',
      '\nExamples:\n  source <(lumin completion bash)     # in ~/.bashrc\n  source <(lumin completion zsh)      # in ~/.zshrc',
    );
  root
    .command('complete', { hidden: true })
    .argument('[words...]')
    .helpOption(false)
    .action(
      (words: string[]) =>
        void process.stdout.write(
          suggestions(root, words)
            .map((word) => `${word}\n`)
            .join(''),
        ),
    );

  root
    .command('help')
    .description('Print the help of a command.')
    .argument('[command...]', 'its name')
    .action((names: string[]) => {
      let found: Command = root;
      for (const name of names) found = found.commands.find((command) => command.name() === name) ?? unknown(found, name);
      found.outputHelp();
    });
  tellMistakesBriefly(root, []);
  return root;
};

/** Two lines: what is wrong, and what was meant or where it is said. */
const tellMistakesBriefly = (command: Command, path: readonly string[]): void => {
  const tell = (mistake: string, hint = `lumin ${['help', ...path].join(' ')} says what it takes`): void =>
    void process.stderr.write(`lumin: ${mistake}\nlumin: ${hint}\n`);
  let told = false;
  command.configureOutput({
    outputError: (text) => {
      const [mistake = '', hint] = text
        .replace(/^error: /, '')
        .trim()
        .split('\n');
      tell(mistake, hint?.replace(/^\((.*)\)$/, '$1'));
    },
    // A command that has only others below it was called alone: its help would come, in pieces.
    ...(command.commands.length > 0 && {
      writeErr: () => {
        if (!told) tell(`${command.name()} takes ${command.commands.map((below) => below.name()).join(' or ')}`);
        told = true;
      },
    }),
  });
  for (const below of command.commands) tellMistakesBriefly(below, [...path, below.name()]);
};

/** As if it had been called. */
const unknown = (command: Command, name: string): never => {
  command.parse([name], { from: 'user' });
  return command.error(`error: unknown command '${name}'`);
};
