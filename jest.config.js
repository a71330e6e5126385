import { generateKeyPairSync } from 'node:crypto';

// The key of the tests' issuer. Generating one takes a tenth of a second, and most suites need it, so all workers of a
// run are given the same.
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
process.env.TEST_ISSUER_KEY = privateKey.export({ type: 'pkcs8', format: 'pem' });

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
  // what else has to be installed: `npm run test:conformance`. What others install: `npm run test:packages` and
  // `npm run test:frameworks`.
  testPathIgnorePatterns: [
    '/node_modules/',
    '/test/chaos/',
    '/test/browser/',
    '/test/conformance/',
    '/test/packages/',
    '/test/frameworks/',
  ],
  // Twice the cores of the smallest machine: many tests wait for processes, and not for the processor.
  maxWorkers: 4,
  workerIdleMemoryLimit: '512MB',
  // It only ends a test that hangs: on a busy machine, everything may take ten times as long.
  testTimeout: 60_000,
};
