import type { Socket } from 'node:net';
import type { Form } from '../output.ts';

/** What is asked for, on one line of JSON. Both sides are of the same release, or say so. */
export type Request = { release: string; name: string; options: object; form: Form };

/** What comes back, each on a line: text for standard output or standard error, and in the end the exit code. */
export type Reply = { out: string } | { err: string } | { code: number };

export const line = (message: Request | Reply): string => `${JSON.stringify(message)}\n`;

/** Calls back with each line; the connection is cut where one is longer than `most`. */
export const onLines = (socket: Socket, most: number, take: (line: string) => void): void => {
  let rest = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > most) return void socket.destroy();
    for (const whole of lines) take(whole);
  });
};
