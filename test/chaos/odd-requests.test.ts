import { testOddRequests } from '../security/odd-requests-property.ts';

await testOddRequests(10_000);
