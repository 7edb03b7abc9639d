import { randomBytes } from 'node:crypto';
import autocannon, { type Request } from 'autocannon';

/** The same loads as the Lua scripts for wrk. Requests per second. */
export const measure = async (
  url: string,
  path: string,
  users: string[],
  load: 'create' | 'change' | 'get',
  connections: number,
  seconds: number,
): Promise<number> => {
  const headers = { 'content-type': 'application/json' };
  const run = randomBytes(4).toString('hex');
  let count = 0;
  const requests = {
    get: { method: 'GET' as const, path },
    create: {
      method: 'POST' as const,
      path: '/api/users/',
      headers,
      setupRequest: (request: Request) => ({
        ...request,
        body: JSON.stringify({
          username: { first_name: 'John', last_name: 'Doe' },
          email: `u.${run}.${++count}@example.com`,
          language_code: 'en',
        }),
      }),
    },
    change: {
      method: 'PATCH' as const,
      headers,
      setupRequest: (request: Request) => ({
        ...request,
        path: `/api/users/${users[++count % users.length]}/bio`,
        body: JSON.stringify({ new_bio: `Builds bridges, number ${count}.` }),
      }),
    },
  };
  const result = await autocannon({ url, connections, duration: seconds, requests: [requests[load]] });
  if (result.non2xx > 0) throw new Error(`${result.non2xx} requests of ${load} failed`);
  return result.requests.average;
};
