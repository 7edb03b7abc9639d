// The image's health check, without curl: exit code 0 where this container's process answers that it is alive.
const port = process.env.WORKER_PORT || process.env.PORT || 8000;
const alive = await fetch(`http://127.0.0.1:${port}/health/live`, { signal: AbortSignal.timeout(4_000) }).then(
  (response) => response.ok,
  () => false,
);
process.exit(alive ? 0 : 1);
