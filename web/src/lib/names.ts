/** Whose key a name is: believed when more replicas say so than can lie. */

import type { Json } from './json.ts';
import { field, type Replicas } from './replicas.ts';

/** The value that at least `weak` replicas state; `null` if none is. */
export function backed<T>(stated: readonly T[], weak: number): T | null {
  return stated.find((value) => stated.filter((other) => other === value).length >= weak) ?? null;
}

/** A field of the identity in a replica's answer. */
export function identityField(json: Json, name: string): string | null {
  const value = field(field(json, 'identity') ?? json, name);
  return typeof value === 'string' ? value : null;
}

export class Names {
  readonly #replicas: Replicas;
  readonly #weak: number;
  readonly #known = new Map<string, Promise<string | null>>();

  constructor(replicas: Replicas, weak: number) {
    this.#replicas = replicas;
    this.#weak = weak;
  }

  /** The name of a key, if enough replicas agree on one. Names never change once they are taken. */
  nameOf(key: string): Promise<string | null> {
    const known = this.#known.get(key);
    if (known !== undefined) {
      return known;
    }
    const asked = this.#ask(`/api/v1/identities/${key}`, 'name');
    this.#known.set(key, asked);
    void asked.then((name) => {
      if (name === null) {
        this.#known.delete(key);
      }
    });
    return asked;
  }

  keyOf(name: string): Promise<string | null> {
    return this.#ask(`/api/v1/names/${encodeURIComponent(name)}`, 'key');
  }

  async #ask(path: string, wanted: string): Promise<string | null> {
    const answers = await this.#replicas.getAll(path);
    const stated = answers.map(({ json }) => identityField(json, wanted)).filter((value) => value !== null);
    return backed(stated, this.#weak);
  }
}
