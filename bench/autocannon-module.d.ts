declare module 'autocannon' {
  export type Request = {
    method: string;
    path?: string;
    headers?: Record<string, string>;
    body?: string;
    setupRequest?: (request: Request) => Request;
  };
  type Options = { url: string; connections: number; duration: number; requests: Request[] };
  export default function autocannon(options: Options): Promise<{ non2xx: number; requests: { average: number } }>;
}
