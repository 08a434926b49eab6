import { writeFileSync } from 'node:fs';

/**
 * A vitest reporter that writes `{ passed, failed, skipped, unselected, reasons }` of the whole run to the file named in
 * NIGHTSHIFT_TEST_SUMMARY, for the last lines of scripts/test.mjs. `reasons`: why tests were skipped → how many.
 */
export default class SummaryReporter {
  onTestRunEnd(testModules, unhandledErrors) {
    const summary = { passed: 0, failed: unhandledErrors.length, skipped: 0, unselected: 0, reasons: {} };
    for (const testModule of testModules) {
      for (const test of testModule.children.allTests()) count(summary, test);
      // A file that could not be loaded, or a hook around its tests, failed: it has no failed test to count.
      summary.failed += brokenSuites(testModule).length;
    }
    writeFileSync(process.env.NIGHTSHIFT_TEST_SUMMARY, JSON.stringify(summary));
  }
}

function count(summary, test) {
  const { state, note } = test.result();
  if (state === 'passed' || state === 'failed') {
    summary[state]++;
  } else if (isBroken(test.parent)) {
    // What was to be set up for it was not: it has not passed, and nobody wanted it to be skipped.
    summary.failed++;
  } else if (state === 'pending') {
    // The run was cut short.
    summary.failed++;
  } else {
    const reason = note ?? /\(skipped: (.+)\)/.exec(test.fullName)?.[1];
    if (reason === undefined && isFiltered) {
      summary.unselected++;
      return;
    }
    summary.skipped++;
    const key = reason ?? `no reason is given: ${test.fullName}`;
    summary.reasons[key] = (summary.reasons[key] ?? 0) + 1;
  }
}

/** With `-t` all tests of another name count as skipped. */
const isFiltered = process.argv.some((arg) => /^(-t|--testNamePattern)(=|$)/.test(arg));

/** Whether the set-up of this suite or of one around it failed. */
function isBroken(suite) {
  for (let each = suite; each; each = each.parent) if (each.errors().length > 0) return true;
  return false;
}

function brokenSuites(testModule) {
  return [testModule, ...testModule.children.allSuites()].filter((suite) => suite.errors().length > 0);
}
