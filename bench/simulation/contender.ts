/** What is compared: a proxy in front of the tenant, seen from its callers. */

/** What a caller got for one request. */
export interface Answer {
  readonly status: number;
  /** How often the user had been changed, as far as the answer knows. */
  readonly revision: number;
  /** Where the document came from: held here, or a request to the tenant that this or another caller made. */
  readonly source: 'held' | 'tenant' | 'shared' | 'none';
  /** Since the tenant was asked, in seconds. */
  readonly ageSeconds: number;
}

export interface Contender {
  read(userId: string): Promise<Answer>;
  /** Sets one top-level key. */
  write(userId: string, value: number): Promise<Answer>;
  /** Whether a copy of this user's document is held, however old. */
  holds(userId: string): boolean;
}

export function refused(status: number): Answer {
  return { status, revision: 0, source: 'none', ageSeconds: 0 };
}
