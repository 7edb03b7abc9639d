import { defineConfig } from 'vitest/config';

const integration = ['tests/integration/**/*.test.ts'];

export default defineConfig({
  test: {
    // Much of an integration test is waiting for another process.
    maxWorkers: 3,
    reporters: ['default', './tests/fixtures/closing-line.ts'],
    coverage: { include: ['src/**'], reporter: ['text', 'html'], reportsDirectory: 'coverage' },
    projects: [
      { test: { name: 'unit', include: ['tests/unit/**/*.test.ts'] } },
      {
        test: {
          name: 'integration',
          include: integration,
          globalSetup: ['tests/fixtures/services.ts'],
          // Tests share no state, so files may share a process: what they import is loaded once.
          isolate: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
