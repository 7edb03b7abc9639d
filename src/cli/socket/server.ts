import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { OwnError } from '../../domain/own-error.ts';
import { commands, type Entry, isCommandName } from '../commands.ts';
import type { CliContext, Command } from '../context.ts';
import { outcomeOf } from '../outcome.ts';
import { output, type Sink } from '../output.ts';
import { release } from '../release.ts';
import { endedBy } from '../store.ts';
import { socketAddress } from './address.ts';
import { line, onLines, type Reply, type Request } from './messages.ts';

const AT_ONCE = 8;
const MOST_LETTERS = 65_536;
/** A client sends its line at once. */
const ASK_MS = 5_000;
/** A command asks for room once a page, so far more than a page waits for nobody who reads. */
const MOST_WAITING_BYTES = 64 * 1_048_576;

/**
 * Takes the operator's commands for the embedded database, which no other process can open, and runs them here. Whoever can
 * open the socket can read the database's files as well, so nothing more is asked of him.
 * @param folder the data folder that this process has open, without links
 * @param withStore lends its database
 * @param warn told where nobody can be listened to
 * @returns what ends it, and the commands under way
 */
export const serveCommands = async (
  folder: string,
  withStore: CliContext['withStore'],
  warn: (text: string) => void,
): Promise<() => Promise<void>> => {
  const underWay = new Map<Socket, { controller: AbortController; ended: Promise<void> }>();
  let stopping = false;

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const silent = setTimeout(() => socket.destroy(), ASK_MS);
    const controller = new AbortController();
    const giveUp = (): void => controller.abort();
    socket.on('error', giveUp).on('end', giveUp).on('close', giveUp);
    socket.once('close', () => clearTimeout(silent));
    let asked = false;
    onLines(socket, MOST_LETTERS, (text) => {
      clearTimeout(silent);
      if (asked) return void socket.destroy();
      asked = true;
      const reply = (message: Reply): void => {
        if (!socket.destroyed) socket.write(line(message));
        if (socket.writableLength > MOST_WAITING_BYTES) socket.destroy();
      };
      const refused = (why: string): void => {
        reply({ err: `lumin: ${why}\n` });
        reply({ code: 1 });
        socket.end();
      };
      if (underWay.size >= AT_ONCE) return refused(`${AT_ONCE} commands run in the service already; end one of them`);
      const ended = perform(text, controller.signal, socket, reply).finally(() => {
        underWay.delete(socket);
        socket.end();
      });
      underWay.set(socket, { controller, ended });
    });
  });

  const perform = async (text: string, signal: AbortSignal, socket: Socket, reply: (message: Reply) => void): Promise<void> => {
    let code = 0;
    try {
      const { name, options, form } = understood(text);
      const sink: Sink = { out: (out) => reply({ out }), err: (err) => reply({ err }), drained: () => drained(socket) };
      const context: CliContext = {
        ...output(form, sink),
        signal,
        fail: () => {
          code = 1;
        },
        withStore: (work) => withStore((store, database) => work(store, endedBy(signal, database))),
        env: process.env,
      };
      await ((await commands[name].load()) as Command<object>)(context, options);
      // A command that follows the log ends in peace.
      if (stopping) signal.throwIfAborted();
    } catch (error) {
      const outcome = stopping ? { code: 1, lines: ['the service stops'] } : outcomeOf(error as Error);
      code = outcome.code;
      for (const told of outcome.lines) reply({ err: `lumin: ${told}\n` });
    }
    reply({ code });
  };

  const isFile = process.platform !== 'win32';
  try {
    const address = socketAddress(folder);
    // What lies there is of a process that was killed: this one has the lock of the folder.
    if (isFile) rmSync(address, { force: true });
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(address, resolve));
    if (isFile) chmodSync(address, 0o600);
  } catch (error) {
    warn(`lumin commands do not reach this process while it runs: ${(error as Error).message}`);
  }

  return async () => {
    stopping = true;
    server.close();
    for (const { controller } of underWay.values()) controller.abort();
    await Promise.all([...underWay.values()].map(({ ended }) => ended));
  };
};

/** @throws OwnError */
const understood = (text: string) => {
  const { release: theirs, name, options, form } = JSON.parse(text) as Request;
  if (theirs !== release)
    throw new OwnError(`the service that has the data folder open is release ${release}, and this command is of ${theirs}`);
  const { runs }: Partial<Entry> = isCommandName(name) ? commands[name] : {};
  if (!isCommandName(name) || runs === 'here') throw new OwnError(`the service knows no command ${name}`);
  if (runs === 'on the database') return { name, options, form };
  throw new OwnError(`${name} wants the database for itself: stop the service (process ${process.pid}) first`);
};

const drained = (socket: Socket): Promise<void> =>
  socket.writableNeedDrain && !socket.destroyed
    ? new Promise((resolve) => {
        const done = (): void => {
          socket.off('drain', done).off('close', done);
          resolve();
        };
        socket.on('drain', done).on('close', done);
      })
    : Promise.resolve();
