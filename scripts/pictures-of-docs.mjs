// Renews the pictures in docs/images from a service that runs: `node scripts/pictures-of-docs.mjs [http://localhost:8000]`.
// Needs Chromium on the PATH, or where CHROMIUM says.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';

const address = process.argv[2] ?? 'http://localhost:8000';
const WIDTH = 1280;
const HEIGHT = 800;
/** What the page needs to draw itself, and the service to answer. */
const DRAWN_MS = 6_000;

const profile = mkdtempSync(join(tmpdir(), 'lumin-pictures-'));
const options = ['--headless', '--no-sandbox', '--hide-scrollbars', '--remote-debugging-port=0', `--user-data-dir=${profile}`];
const browser = spawn(process.env.CHROMIUM ?? 'chromium', [...options, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
let port;
for await (const line of createInterface(browser.stderr)) {
  port = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1];
  if (port) break;
}

const [{ webSocketDebuggerUrl }] = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
const socket = new WebSocket(webSocketDebuggerUrl);
await new Promise((resolve) => socket.addEventListener('open', resolve));
let count = 0;
const send = (method, params = {}) =>
  new Promise((resolve) => {
    const id = ++count;
    socket.addEventListener('message', function answer({ data }) {
      const message = JSON.parse(data);
      if (message.id !== id) return;
      socket.removeEventListener('message', answer);
      resolve(message.result);
    });
    socket.send(JSON.stringify({ id, method, params }));
  });

const click = (text) =>
  `[...document.querySelectorAll('button')].find((button) => button.offsetParent && button.textContent.trim().startsWith('${text}')).click()`;
const picture = async (name) => {
  const { data } = await send('Page.captureScreenshot', { format: 'png' });
  writeFileSync(new URL(`../docs/images/${name}`, import.meta.url), Buffer.from(data, 'base64'));
};

await send('Emulation.setDeviceMetricsOverride', { width: WIDTH, height: HEIGHT, deviceScaleFactor: 1, mobile: false });
await send('Page.navigate', { url: `${address}/docs#tag/users/POST/api/users` });
await setTimeout(DRAWN_MS);
await picture('docs.png');
await send('Runtime.evaluate', { expression: click('Test Request') });
await setTimeout(DRAWN_MS);
await send('Runtime.evaluate', { expression: click('Send') });
await setTimeout(DRAWN_MS);
await picture('docs-try-it-out.png');

socket.close();
browser.kill();
browser.once('exit', () => rmSync(profile, { recursive: true, force: true }));
