/** The client in React 18: the same source, with the older package in place of the current one. */
import { createRequire } from 'node:module';
import { jest } from '@jest/globals';
import type * as React from 'react';
import { installDom, testReact } from '../client/react-cases.ts';

const requireReact18 = createRequire(new URL('../react-18/package.json', import.meta.url));

installDom();
const react: typeof React = requireReact18('react');
jest.unstable_mockModule('react', () => ({ ...react, default: react }));
const metadata = await import('../../packages/client/src/react.ts');

testReact('18', {
  react,
  dom: requireReact18('react-dom/client'),
  server: requireReact18('react-dom/server'),
  metadata,
});
