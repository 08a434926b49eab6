import { writeFileSync } from 'node:fs';

/**
 * A vitest reporter that writes `{ passed, failed, skipped }` of the whole run to the file named in
 * NIGHTSHIFT_TEST_SUMMARY, for the last line of scripts/test.mjs.
 */
export default class SummaryReporter {
  onTestRunEnd(testModules, unhandledErrors) {
    const summary = { passed: 0, failed: 0, skipped: 0 };
    for (const testModule of testModules) {
      for (const test of testModule.children.allTests()) {
        const { state } = test.result();
        // A test that never ran (the run was cut short) has not passed.
        if (state === 'pending') summary.skipped++;
        else summary[state]++;
      }
      // A file that could not be loaded, or a hook around its tests, failed: it has no failed test to count.
      summary.failed += errorsOutsideTests(testModule);
    }
    summary.failed += unhandledErrors.length;
    writeFileSync(process.env.NIGHTSHIFT_TEST_SUMMARY, JSON.stringify(summary));
  }
}

function errorsOutsideTests(testModule) {
  const suites = [...testModule.children.allSuites()];
  return [testModule, ...suites].filter((suite) => suite.errors().length > 0).length;
}
