/** Before the suites: installs the packages beside Angular, Next.js and their compilers. */
import { join } from 'node:path';
import { installApp } from '../packages/setup.js';

export default function setUp() {
  installApp(join(import.meta.dirname, 'consumer'));
}
