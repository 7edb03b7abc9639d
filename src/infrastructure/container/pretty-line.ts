type Line = Record<string, unknown> & { msg?: string };

/** What stands before and is no part of the message. */
const APART = new Set(['level', 'time', 'msg', 'request_id']);

/** A line of the log as a person at a terminal reads it: `POST /api/users 201 12 ms`. */
export const prettyLine = ({ ...line }: Line): string => {
  if (line.msg === 'request') return inWords([line.method, line.route ?? 'an unknown path', line.status, milliseconds(line.ms), line.code]);
  if (line.msg === 'task') return inWords(['task', line.command, line.outcome, milliseconds(line.ms), line.task_id]);
  const rest = Object.entries(line).filter(([name]) => !APART.has(name));
  return inWords([line.msg, rest.length === 0 ? undefined : JSON.stringify(Object.fromEntries(rest))]);
};

const milliseconds = (ms: unknown): string => `${Math.round(Number(ms))} ms`;

const inWords = (parts: unknown[]): string => parts.filter((part) => part !== undefined).join(' ');
