/** After the suites: removes the folder that they used. */
import { rmSync } from 'node:fs';

export default function tearDown() {
  rmSync(String(process.env['PACKAGES_APP']), { recursive: true });
}
