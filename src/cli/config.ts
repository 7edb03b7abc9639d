import { readConfig } from '../infrastructure/container/config.ts';
import { describeConfig } from '../infrastructure/container/describe-config.ts';
import type { CliContext } from './context.ts';

/** From here on a terminal has room for what each variable means. */
const WIDE = 120;

/** Every variable; then throws `InvalidConfig` where one is wrong. */
export const config = async (context: CliContext): Promise<void> => {
  const { env, columns, terminal, paint, write } = context;
  context.writeRecords(describeConfig(env), columns < WIDE ? ['name', 'value', 'source'] : ['name', 'value', 'source', 'about']);
  if (terminal && columns < WIDE) write(paint.dim('(about: in a wider terminal, or with --json)'));
  readConfig(env);
};
