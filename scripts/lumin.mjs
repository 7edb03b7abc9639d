#!/usr/bin/env node
// `npx lumin`. npx starts it with the Node of the machine; where that is too old, the project's own takes over.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [major, minor] = process.versions.node.split('.').map(Number);
const isNewEnough = major > 22 || (major === 22 && minor >= 19);
const [system, program] = process.platform === 'win32' ? ['win', 'node.exe'] : [process.platform, 'node'];
const own = fileURLToPath(new URL(`../node_modules/node-${system}-${process.arch}/bin/${program}`, import.meta.url));

if (isNewEnough || !existsSync(own)) {
  await import('./require-node.mjs');
  await import('../src/lumin.ts');
} else {
  const script = fileURLToPath(new URL('../src/lumin.ts', import.meta.url));
  const child = spawn(own, [script, ...process.argv.slice(2)], { stdio: 'inherit' });
  // Ctrl-C reaches both; the command decides how it ends.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code, signal) => (signal ? process.kill(process.pid, signal) : process.exit(code)));
}
