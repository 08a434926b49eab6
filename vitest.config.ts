import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{apps,packages}/*/src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // On a busy machine a second is nothing.
    expect: { poll: { timeout: 10_000 } },
    // Two cores: more files at once only make timing-sensitive tests wait for each other.
    maxWorkers: 2,
  },
});
