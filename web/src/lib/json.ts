/**
 * JSON whose integers keep every digit (they come as `bigint`) and whose objects repeat no name.
 *
 * `JSON.parse` rounds above 2^53, where the replicas' counters may lie, and silently takes the last of two equal names,
 * where a strict reader would see another receipt than we do.
 */

export type Json = null | boolean | bigint | number | string | Json[] | JsonObject;
export type JsonObject = { [name: string]: Json };

export class JsonError extends Error {}

/** Nesting at most, so that a hostile text cannot exhaust the stack. */
const MOST_LEVELS = 64;

class Parser {
  #at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  document(): Json {
    const value = this.#value(0);
    this.#space();
    if (this.#at !== this.#text.length) {
      this.#fail('more text behind the value');
    }
    return value;
  }

  #fail(why: string): never {
    throw new JsonError(`no JSON at character ${this.#at}: ${why}`);
  }

  #space(): void {
    while (this.#at < this.#text.length && ' \t\n\r'.includes(this.#text.charAt(this.#at))) {
      this.#at += 1;
    }
  }

  #take(expected: string): void {
    if (!this.#text.startsWith(expected, this.#at)) {
      this.#fail(`${expected} is missing`);
    }
    this.#at += expected.length;
  }

  #value(level: number): Json {
    if (level > MOST_LEVELS) {
      this.#fail('nested too deeply');
    }
    this.#space();
    switch (this.#text.charAt(this.#at)) {
      case '{':
        return this.#object(level);
      case '[':
        return this.#array(level);
      case '"':
        return this.#string();
      case 't':
        this.#take('true');
        return true;
      case 'f':
        this.#take('false');
        return false;
      case 'n':
        this.#take('null');
        return null;
      default:
        return this.#number();
    }
  }

  #object(level: number): JsonObject {
    const found: JsonObject = Object.create(null) as JsonObject;
    this.#items('{', '}', () => {
      const name = this.#string();
      if (Object.hasOwn(found, name)) {
        this.#fail(`${JSON.stringify(name)} stands there twice`);
      }
      this.#space();
      this.#take(':');
      found[name] = this.#value(level + 1);
    });
    return found;
  }

  #array(level: number): Json[] {
    const found: Json[] = [];
    this.#items('[', ']', () => found.push(this.#value(level + 1)));
    return found;
  }

  #items(open: string, close: string, item: () => void): void {
    this.#take(open);
    this.#space();
    if (this.#text.charAt(this.#at) === close) {
      this.#at += 1;
      return;
    }
    for (;;) {
      this.#space();
      item();
      this.#space();
      if (this.#text.charAt(this.#at) === close) {
        this.#at += 1;
        return;
      }
      this.#take(',');
    }
  }

  #string(): string {
    if (this.#text.charAt(this.#at) !== '"') {
      this.#fail('a name or a string is missing');
    }
    const start = this.#at;
    let end = start + 1;
    for (; this.#text.charAt(end) !== '"'; end += this.#text.charAt(end) === '\\' ? 2 : 1) {
      if (end >= this.#text.length) {
        this.#fail('a string has no end');
      }
    }
    try {
      const parsed: unknown = JSON.parse(this.#text.slice(start, end + 1));
      this.#at = end + 1;
      return parsed as string;
    } catch {
      return this.#fail('a string is malformed');
    }
  }

  #number(): bigint | number {
    const form = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
    form.lastIndex = this.#at;
    const match = form.exec(this.#text);
    if (match === null) {
      this.#fail('a value is missing');
    }
    this.#at += match[0].length;
    return match[1] === undefined && match[2] === undefined ? BigInt(match[0]) : Number(match[0]);
  }
}

export function parseJson(text: string): Json {
  return new Parser(text).document();
}

/** The value as indented JSON, every digit kept. */
export function formatJson(value: Json, indent = ''): string {
  if (typeof value === 'bigint') {
    return value.toString();
  }
  if (value === null || typeof value !== 'object') {
    return JSON.stringify(value);
  }
  const inner = `${indent}  `;
  const items = Array.isArray(value)
    ? value.map((item) => inner + formatJson(item, inner))
    : Object.entries(value).map(([name, item]) => `${inner}${JSON.stringify(name)}: ${formatJson(item, inner)}`);
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  return items.length === 0 ? open + close : `${open}\n${items.join(',\n')}\n${indent}${close}`;
}

/** What `JSON.parse` would give: integers as numbers, where a program only shows them. */
export function toPlain(value: Json): unknown {
  if (typeof value === 'bigint') {
    return Number(value);
  }
  if (Array.isArray(value)) {
    return value.map(toPlain);
  }
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, toPlain(item)]));
  }
  return value;
}
