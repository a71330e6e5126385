// SWC only strips the types (tsc checks them); tests run as native ES modules.
const transform = {
  '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }],
};

/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform,
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  // Real processes and long outages: `npm run test:chaos`. A browser: `npm run test:browser`. Oracles, fuzzing, mutants, and
  // what else has to be installed: `npm run test:conformance`.
  testPathIgnorePatterns: ['/node_modules/', '/test/chaos/', '/test/browser/', '/test/conformance/'],
  // Twice the cores of the smallest machine: many tests wait for processes, and not for the processor.
  maxWorkers: 4,
  workerIdleMemoryLimit: '512MB',
  // It only ends a test that hangs: on a busy machine, everything may take ten times as long.
  testTimeout: 60_000,
};
