/**
 * As much of a browser as auth0.js needs: an XMLHttpRequest that keeps to CORS. The client is left as it is
 * and calls `https://{domain}`; only this network leads that address to the service under test.
 */

interface Page {
  /** Where the client believes the tenant is. */
  readonly domain: string;
  /** Where the service is. */
  readonly url: string;
  readonly origin: string;
}

/** Header fields that need no leave (Fetch standard, section 2.2.2). */
const SAFE = new Set(['accept', 'accept-language', 'content-language']);

function createRequestClass({ domain, url, origin }: Page) {
  return class PageRequest extends EventTarget {
    readyState = 0;
    status = 0;
    statusText = '';
    responseText = '';
    private method = 'GET';
    private address = '';
    private readonly fields = new Headers();
    private answered = new Headers();

    open(method: string, address: string): void {
      this.method = method;
      this.address = address.replace(`https://${domain}`, url);
    }

    setRequestHeader(name: string, value: string): void {
      this.fields.append(name, value);
    }

    getAllResponseHeaders(): string {
      return [...this.answered].map(([name, value]) => `${name}: ${value}\r\n`).join('');
    }

    getResponseHeader(name: string): string | null {
      return this.answered.get(name);
    }

    send(body?: string | null): void {
      // A network error has the status 0, and nothing else to tell.
      void this.exchange(body ?? null)
        .catch(() => undefined)
        .finally(() => {
          this.readyState = 4;
          this.dispatchEvent(new Event('readystatechange'));
        });
    }

    private async exchange(body: string | null): Promise<void> {
      await this.preflight();
      const headers = { ...Object.fromEntries(this.fields), origin };
      const answer = await fetch(this.address, { method: this.method, headers, body });
      assertAllowed(answer.headers.get('access-control-allow-origin') ?? '', [origin]);
      this.responseText = await answer.text();
      this.answered = answer.headers;
      this.statusText = answer.statusText;
      this.status = answer.status;
    }

    private async preflight(): Promise<void> {
      const asked = [...this.fields.keys()].filter((name) => !SAFE.has(name));
      const headers = {
        origin,
        'access-control-request-method': this.method,
        'access-control-request-headers': asked.join(','),
      };
      const { headers: granted } = await fetch(this.address, { method: 'OPTIONS', headers });
      assertAllowed(granted.get('access-control-allow-origin') ?? '', [origin]);
      assertAllowed(granted.get('access-control-allow-methods') ?? '', [this.method]);
      assertAllowed(granted.get('access-control-allow-headers') ?? '', asked);
    }
  };
}

function assertAllowed(granted: string, asked: readonly string[]): void {
  const names = new Set(granted.split(',').map((name) => name.trim().toLowerCase()));
  const missing = asked.filter((name) => !names.has(name.toLowerCase()));
  if (missing.length > 0) throw new Error(`CORS does not allow ${missing.join(', ')}`);
}

/** auth0.js as a page of `origin` loads it. It looks for its surroundings while it is loaded. */
export async function loadAuth0(page: Page) {
  Object.assign(globalThis, { self: { XMLHttpRequest: createRequestClass(page) } });
  const { default: auth0 } = await import('auth0-js');
  return auth0;
}
