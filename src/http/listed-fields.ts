/**
 * A response that keeps its header fields in one list and writes them in one piece. Node would file each of some
 * twenty in an object under its lower-case name, to read them all from there again: docs/performance.md has what that
 * takes. To whoever sets and reads fields, it is the response of Node.
 */
import {
  type IncomingMessage,
  type OutgoingHttpHeader,
  type OutgoingHttpHeaders,
  type ServerResponse,
  validateHeaderName,
  validateHeaderValue,
} from 'node:http';

type Fields = OutgoingHttpHeaders | readonly OutgoingHttpHeader[];

/** @returns the class whose responses do so. */
export function listingFields(Base: typeof ServerResponse): typeof ServerResponse {
  return class ListedFields<Req extends IncomingMessage = IncomingMessage> extends Base<Req> {
    /** Name, value, name, value: as `writeHead` takes them. */
    #fields: OutgoingHttpHeader[] = [];

    override setHeader(name: string, value: OutgoingHttpHeader | readonly string[]): this {
      // Too late, which Node knows how to say.
      if (this.headersSent) return super.setHeader(name, value);
      const kept = typeof value === 'object' ? [...value] : value;
      const index = this.#indexOf(name);
      if (index < 0) {
        this.#fields.push(name, kept);
      } else {
        this.#fields[index] = name;
        this.#fields[index + 1] = kept;
      }
      return this;
    }

    override appendHeader(name: string, value: string | readonly string[]): this {
      const known = this.getHeader(name);
      if (known === undefined) return this.setHeader(name, value);
      return this.setHeader(name, [known, value].flat().map(String));
    }

    override getHeader(name: string): OutgoingHttpHeader | undefined {
      const index = this.#indexOf(name);
      return index < 0 ? undefined : this.#fields[index + 1];
    }

    override hasHeader(name: string): boolean {
      return this.#indexOf(name) >= 0;
    }

    override removeHeader(name: string): void {
      if (this.headersSent) super.removeHeader(name);
      const index = this.#indexOf(name);
      if (index >= 0) this.#fields.splice(index, 2);
    }

    override getHeaderNames(): string[] {
      return pairsOf(this.#fields).map(([name]) => name.toLowerCase());
    }

    override getHeaders(): OutgoingHttpHeaders {
      return Object.fromEntries(pairsOf(this.#fields).map(([name, value]) => [name.toLowerCase(), value]));
    }

    /** Node comes here, too, when a response begins without it. */
    override writeHead(status: number, reason?: string | Fields, more?: Fields): this {
      const fields = typeof reason === 'object' ? reason : more;
      for (const [name, value] of fields ? pairsOf(fields) : []) this.setHeader(name, value);
      try {
        return typeof reason === 'string'
          ? super.writeHead(status, reason, this.#fields)
          : super.writeHead(status, this.#fields);
      } catch (error) {
        // Node would have refused it when it was set. It must not be in the way of the answer that says so.
        if (!this.headersSent) this.#fields = pairsOf(this.#fields).filter(isWritable).flat();
        throw error;
      }
    }

    #indexOf(name: string): number {
      for (let index = 0; index < this.#fields.length; index += 2) {
        const known = this.#fields[index];
        if (known === name) return index;
        if (typeof known !== 'string' || known.length !== name.length) continue;
        if (known.toLowerCase() === name.toLowerCase()) return index;
      }
      return -1;
    }
  };
}

type Field = [name: string, value: OutgoingHttpHeader];

function pairsOf(fields: Fields): Field[] {
  if (!isList(fields)) return Object.entries(fields).flatMap(([name, value = []]) => [[name, value]]);
  return fields.flatMap((name, index): Field[] =>
    index % 2 === 0 ? [[String(name), fields[index + 1] ?? '']] : [],
  );
}

function isList(fields: Fields): fields is readonly OutgoingHttpHeader[] {
  return Array.isArray(fields);
}

function isWritable([name, value]: Field): boolean {
  try {
    validateHeaderName(name);
    for (const one of [value].flat()) validateHeaderValue(name, String(one));
    return true;
  } catch {
    return false;
  }
}
