const names = new WeakMap<NodeJS.ProcessEnv, ReadonlySet<string>>();

/** Remembers which variables of this environment come from the file .env, and not from whoever started the process. */
export const rememberFromFile = (env: NodeJS.ProcessEnv, fromFile: Iterable<string>): void => void names.set(env, new Set(fromFile));

export const isFromFile = (env: NodeJS.ProcessEnv, name: string): boolean => names.get(env)?.has(name) === true;
