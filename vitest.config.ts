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
    // Processes are killed and clocks are met on a machine that is shared. In CI a failed test has a second try, which the
    // report shows; at home it fails, so that it is mended.
    retry: process.env.CI ? 1 : 0,
  },
});
