/** Whether the process lives, and whether it can serve: for the operations listener, and with `PUBLIC_HEALTH` for both. */
import { type Resource, resource } from '../resource.ts';

export interface Readiness {
  report(): { readonly status: string; readonly serves: boolean };
}

export function healthRoutes({ readiness }: { readonly readiness: Readiness }): readonly Resource[] {
  return [
    resource('/livez', {
      GET: (_req, res) => {
        res.set('Cache-Control', 'no-store').json({ status: 'alive' });
      },
    }),
    resource('/readyz', {
      GET: (_req, res) => {
        const { serves, ...report } = readiness.report();
        res
          .status(serves ? 200 : 503)
          .set('Cache-Control', 'no-store')
          .json(report);
      },
    }),
  ];
}
