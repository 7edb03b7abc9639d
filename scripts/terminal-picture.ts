/**
 * Makes docs/images/terminal.svg for the README: starts the service on an empty folder, runs real commands at a terminal of 80
 * columns and draws what they print. Wants script(1) of util-linux for the terminal, and curl. `npm run picture`
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';

const COLUMNS = 80;
const PORT = process.env.PORT ?? '18390';
const root = resolve(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'lumin-picture-'));
const node = `${process.execPath} --import ${root}/scripts/require-node.mjs ${root}/src`;

/** A terminal of its own, in an empty folder: nothing of this machine's settings gets into the picture. */
const atTerminal = (command: string): [string, string[], object] => [
  'script',
  ['-qec', `stty cols ${COLUMNS}; ${command}`, '/dev/null'],
  { cwd: folder, env: { PATH: process.env.PATH, PORT, TERM: 'xterm-256color' } },
];
const output = (command: string): string => {
  const [file, args, options] = atTerminal(command);
  return execFileSync(file, args, { ...options, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
};
const lumin = (args: string): string => output(`${node}/lumin.ts ${args}`);

/** What a reader sees who has the project in ~/lumin and the usual port. */
const asShown = (text: string): string =>
  text
    .replaceAll(folder, '~/lumin')
    .replaceAll(`:${PORT}`, ':8000')
    .replace(/\r/g, '')
    .replace(/^.*\u001b\[K/gm, '')
    .trimEnd();

const session = async (): Promise<[command: string, output: string][]> => {
  // What only the first start says is left out.
  lumin('migrate');
  const [file, args, options] = atTerminal(`exec ${node}/main.ts`);
  const service = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
  let started = '';
  service.stdout.setEncoding('utf8').on('data', (text: string) => {
    started += text;
  });
  try {
    while (!/ on http/.test(started)) await sleep(100);
    const begun = started;
    const demo = lumin('demo');
    const id = / --user (\S+)/.exec(stripVTControlCharacters(demo))?.[1];
    const body = `'{"username": {"first_name": "Ada"}, "email": "ada@example.com"}'`;
    return [
      ['npm start', begun],
      ['npm run lumin -- demo', demo],
      [`curl localhost:8000/api/users \\\n    --json ${body}`, output(`curl -s localhost:${PORT}/api/users --json ${body}`)],
      ['npm run lumin -- users list --limit 6', lumin('users list --limit 6')],
      [`npm run lumin -- events --user ${id?.slice(0, 8)}…`, lumin(`events --user ${id}`).split('\n').slice(0, 6).join('\n')],
    ];
  } finally {
    process.kill(Number.parseInt(readFileSync(join(folder, '.lumin/data/lumin.pid'), 'utf8'), 10));
    await once(service, 'exit');
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
};

const [WIDTH, HEIGHT, PAD] = [9, 20, 16];
const COLOURS: Record<string, string> = {
  31: '#ff7b72',
  32: '#7ee787',
  33: '#e3b341',
  34: '#79c0ff',
  35: '#d2a8ff',
  36: '#76e3ea',
  2: '#8b949e',
};

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** Each run between two gaps stands where the terminal has it, so that columns hold with any font and any script. */
const drawn = (line: string, row: number): string => {
  let [column, colour, bold] = [0, '', ''];
  const runs: string[] = [];
  for (const part of line.split(/(\u001b\[[\d;]*m|\s{2,})/)) {
    const codes = /^\u001b\[([\d;]*)m$/.exec(part)?.[1];
    if (codes === undefined) {
      const x = (PAD + column * WIDTH).toFixed(0);
      if (part.trim() !== '') runs.push(`<tspan x="${x}"${colour}${bold}>${escaped(part)}</tspan>`);
      column += stringWidth(part);
      continue;
    }
    for (const code of (codes || '0').split(';')) {
      if (code === '0' || code === '39' || code === '22') [colour, bold] = ['', ''];
      if (code === '1') bold = ' font-weight="bold"';
      if (COLOURS[code] !== undefined) colour = ` fill="${COLOURS[code]}"`;
    }
  }
  return runs.length === 0 ? '' : `<text y="${PAD + (row + 1) * HEIGHT}">${runs.join('')}</text>`;
};

/** As a terminal breaks a line that is too long. */
const broken = (line: string): string[] => {
  const lines = [''];
  let used = 0;
  for (const part of line.split(/(\u001b\[[\d;]*m)/)) {
    for (const sign of part.startsWith('\u001b') ? [part] : part) {
      const width = stringWidth(sign);
      if (used + width > COLUMNS) [used, lines[lines.length]] = [0, ''];
      used += width;
      lines[lines.length - 1] += sign;
    }
  }
  return lines;
};

const lines = (await session())
  .flatMap(([command, text]) => [...`\u001b[32m$\u001b[0m ${command}`.split('\n'), ...asShown(text).split('\n'), ''])
  .flatMap(broken)
  .slice(0, -1);
const [width, height] = [2 * PAD + COLUMNS * WIDTH, 2 * PAD + lines.length * HEIGHT + 8];
writeFileSync(
  join(root, 'docs/images/terminal.svg'),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="A terminal: the service starts, lumin demo fills it, curl creates a user, lumin lists users and events">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="15" fill="#e6edf3" xml:space="preserve">
${lines.map(drawn).filter(Boolean).join('\n')}
</g>
</svg>
`,
);
