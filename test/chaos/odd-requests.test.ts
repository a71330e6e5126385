/** Ten thousand for every run of the chaos suite; `ODD_REQUESTS=1000000 npm run test:odd-requests` sends a million. */
import { testOddRequests } from '../security/odd-requests-property.ts';

await testOddRequests(Number(process.env['ODD_REQUESTS'] ?? 10_000));
