/** A sample for every run of the tests; `npm run test:chaos` sends five times as many. */
import { testOddRequests } from './odd-requests-property.ts';

await testOddRequests(2_000);
