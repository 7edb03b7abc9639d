import { defineConfig } from 'vitest/config';
import { SHORT_LIVED } from './tests/fixtures/short-lived.ts';

// The fault tests' judge, tried on made-up runs: needs no server.
const CHECKER = 'tests/faults/checker.test.ts';
const LONG = process.env.FAULTS === 'long';

const every = {
  // Tests share no state, so files may share a process: what they import is loaded once.
  isolate: false,
  execArgv: [SHORT_LIVED],
  // Against what never ends; nothing else waits for it, and machines may be busy.
  testTimeout: 180_000,
  hookTimeout: 180_000,
};
const real = { ...every, globalSetup: ['tests/fixtures/global-setup.ts'] };

export default defineConfig({
  test: {
    // Much of an integration test is waiting for another process.
    maxWorkers: 3,
    reporters: ['default', './tests/fixtures/closing-line.ts'],
    coverage: { include: ['src/**'], reporter: ['text', 'html'], reportsDirectory: 'coverage' },
    projects: [
      { test: { ...every, name: 'unit', include: ['tests/unit/**/*.test.ts', CHECKER], setupFiles: ['tests/fixtures/fresh-modules.ts'] } },
      { test: { ...real, name: 'integration', include: ['tests/integration/**/*.test.ts'] } },
      {
        test: {
          ...real,
          name: 'faults',
          include: ['tests/faults/**/*.test.ts'],
          exclude: [CHECKER, ...(LONG ? [] : ['**/*.long.test.ts'])],
          testTimeout: LONG ? 1_800_000 : 600_000,
          maxConcurrency: 2,
        },
      },
    ],
  },
});
