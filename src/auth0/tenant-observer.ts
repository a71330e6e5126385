/** What the parts that guard the tenant tell of themselves to whoever counts. */
import type { Urgency } from '../metadata/ports.ts';
import type { Governor } from './governor.ts';

export type BreakerState = 'closed' | 'half_open' | 'open';

export interface TenantObserver {
  /** A request asks for admission. The function answered is told how that ended. */
  admission(urgency: Urgency): (outcome: 'admitted' | 'refused') => void;
  /** The circuit breaker has changed; it begins closed. */
  breaker(state: BreakerState): void;
}

export const NO_OBSERVER: TenantObserver = {
  admission: () => () => undefined,
  breaker: () => undefined,
};

/** The same governor, each of whose admissions is told of. */
export function observed(governor: Governor, observer: TenantObserver): Governor {
  return {
    async admit(lane, call) {
      const end = observer.admission(call.urgency);
      try {
        await governor.admit(lane, call);
        end('admitted');
      } catch (error) {
        end('refused');
        throw error;
      }
    },
    learn: (lane, response) => governor.learn(lane, response),
  };
}
