// The packages as others install them, which `npm test` leaves out: npm, other compilers, a bundler and a browser.
import config from './jest.config.js';

/** @type {import('jest').Config} */
export default {
  ...config,
  roots: ['<rootDir>/test/packages'],
  testPathIgnorePatterns: ['/node_modules/'],
  globalSetup: '<rootDir>/test/packages/setup.js',
  globalTeardown: '<rootDir>/test/packages/teardown.js',
  maxWorkers: 2,
  testTimeout: 240_000,
};
