// The guides whose frameworks are too large to be installed for `npm run test:packages`: Angular and Next.js.
import config from './jest.packages.config.js';

/** @type {import('jest').Config} */
export default {
  ...config,
  roots: ['<rootDir>/test/frameworks'],
  globalSetup: '<rootDir>/test/frameworks/setup.js',
};
