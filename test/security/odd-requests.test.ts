/** A sample for every run of the tests; `npm run test:chaos` sends ten times as many. */
import { testOddRequests } from './odd-requests-property.ts';

await testOddRequests(1_000);
