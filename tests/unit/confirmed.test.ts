import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { confirmed } from '../../src/cli/confirmed.ts';

/** A terminal at which somebody types this. */
const terminal = (typed: string) => {
  const input = Object.assign(new PassThrough(), { isTTY: true });
  const output = new PassThrough();
  input.write(`${typed}\n`);
  return { input, output, asked: () => String(output.read()) };
};

describe('what may lose data', () => {
  it('is done where the name of what is at stake is typed', async () => {
    const at = terminal('lumin_user_db');
    await confirmed('all of it goes', 'lumin_user_db', false, at);
    expect(at.asked()).toContain('all of it goes. Type lumin_user_db to go on: ');
  });

  it.each(['', 'y', 'yes', 'lumin'])('is not done where somebody types "%s"', async (typed) =>
    expect(confirmed('all of it goes', 'lumin_user_db', false, terminal(typed))).rejects.toThrow('nothing was done'),
  );

  it('is done unasked where somebody has said --yes', () => confirmed('all of it goes', 'lumin_user_db', true, terminal('')));

  it('is not done where nobody can be asked', () =>
    expect(confirmed('all of it goes', 'x', false, { input: new PassThrough(), output: new PassThrough() })).rejects.toThrow(
      'all of it goes; nobody can be asked here, so nothing was done: with --yes it is done',
    ));
});
