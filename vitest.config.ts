import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{apps,packages}/*/src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // Only what is broken takes so long: what a test waits for is seen at once, also on a machine that is busy.
    testTimeout: 180_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    // For two cores: most files wait for leases, servers and other processes for more than half of their time. More than
    // three at once make those that measure growth unsteady.
    maxWorkers: 3,
    // Processes are killed and clocks are met on a machine that is shared. In CI a failed test has a second try, which the
    // report shows; at home it fails, so that it is mended.
    retry: process.env.CI ? 1 : 0,
  },
});
