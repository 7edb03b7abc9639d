import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { node, root } from '../fixtures/child.ts';

const folder = mkdtempSync(join(tmpdir(), 'lumin-bin-'));
symlinkSync(join(root, 'scripts/lumin.mjs'), join(folder, 'lumin'));
const env = { PATH: [folder, join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter) };
afterAll(() => rmSync(folder, { recursive: true }));

const hasZsh = spawnSync('zsh', ['-c', 'true']).status === 0;

const CASES: [string[], string[]][] = [
  [['ve'], ['verify']],
  [
    ['users', ''],
    ['get', 'list'],
  ],
  [['help', 'users', 'l'], ['list']],
  [['migrate', 's'], ['status']],
  [
    ['completion', ''],
    ['bash', 'zsh'],
  ],
  [['users', 'list', '--st'], ['--status']],
  [['users', 'list', '--status', 'bl'], ['blocked']],
  [['users', 'list', '--limit', '5', '--a'], ['--all']],
  [['users', 'list', '--q', ''], []],
  [['--json', 'users', 'list', '--status', 'act'], ['active']],
  [['nothing', 'of', 'ours', '$(exit 3)', '`exit 3`', ''], []],
];

describe('lumin completion', () => {
  it.each(CASES)('of a bash without packages of completions puts at the end of %j', (words, found) => {
    const script = `
      set -eu
      source <(lumin completion bash)
      source <(lumin completion bash)
      complete -p lumin >/dev/null
      COMP_WORDS=(lumin "$@") COMP_CWORD=$#
      _lumin
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const written = execFileSync('bash', ['--norc', '--noprofile', '-c', script, 'bash', ...words], { env, encoding: 'utf8' });
    expect(written.split('\n').filter(Boolean)).toEqual(found);
  });

  it('of bash takes --option=value, which bash takes apart at its =', () => {
    const script = 'source <(lumin completion bash); COMP_WORDS=(lumin users list --status = bl) COMP_CWORD=5; _lumin; echo "$COMPREPLY"';
    expect(execFileSync('bash', ['--norc', '-c', script], { env, encoding: 'utf8' })).toBe('blocked\n');
  });

  it.skipIf(!hasZsh).each(CASES)('of zsh puts the same at the end of %j [needs zsh]', (words, found) => {
    const script = `
      compdef() { }
      source <(lumin completion zsh)
      compadd() { shift; print -l -- "\${(P@)1}" }
      words=(lumin "$@") CURRENT=$(( $# + 1 ))
      _lumin`;
    const written = execFileSync('zsh', ['-f', '-c', script, 'zsh', ...words], { env, encoding: 'utf8' });
    expect(written.split('\n').filter(Boolean)).toEqual(found);
  });
});

describe('npx lumin', () => {
  it('runs in the checkout, also where the Node of the machine is older than ours', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(execFileSync('npx', ['lumin', '--version'], { cwd: root, encoding: 'utf8' })).toBe(`${version}\n`);
  });

  it('ends as the command does', () => {
    const { status, stderr } = spawnSync(node, [join(root, 'scripts/lumin.mjs'), 'nothing'], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([2, expect.stringMatching(/^lumin: unknown command/)]);
  });
});
