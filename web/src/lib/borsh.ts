/** Borsh, the one canonical encoding of everything that is hashed or signed: fixed widths, little-endian. */

import { concat, utf8 } from './bytes.ts';

export class BorshError extends Error {}

export class Writer {
  #parts: Uint8Array[] = [];

  u8(value: number): this {
    return this.#integer(BigInt(value), 1);
  }
  u16(value: number): this {
    return this.#integer(BigInt(value), 2);
  }
  u32(value: number): this {
    return this.#integer(BigInt(value), 4);
  }
  u64(value: bigint): this {
    return this.#integer(value, 8);
  }
  bool(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }
  /** An array whose length is part of its type. */
  fixed(bytes: Uint8Array, length: number): this {
    if (bytes.length !== length) {
      throw new BorshError(`${length} bytes belong here, not ${bytes.length}`);
    }
    this.#parts.push(bytes.slice());
    return this;
  }
  /** A length and that many bytes. */
  blob(bytes: Uint8Array): this {
    this.u32(bytes.length);
    this.#parts.push(bytes.slice());
    return this;
  }
  string(text: string): this {
    return this.blob(utf8(text));
  }
  list<T>(items: readonly T[], write: (writer: this, item: T) => void): this {
    this.u32(items.length);
    for (const item of items) {
      write(this, item);
    }
    return this;
  }
  option<T>(value: T | null, write: (writer: this, value: T) => void): this {
    this.u8(value === null ? 0 : 1);
    if (value !== null) {
      write(this, value);
    }
    return this;
  }
  bytes(): Uint8Array {
    return concat(...this.#parts);
  }

  #integer(value: bigint, width: number): this {
    if (value < 0n || value >= 1n << BigInt(8 * width)) {
      throw new BorshError(`${value} does not fit ${width} bytes`);
    }
    const bytes = new Uint8Array(width);
    for (let at = 0; at < width; at += 1) {
      bytes[at] = Number((value >> BigInt(8 * at)) & 0xffn);
    }
    this.#parts.push(bytes);
    return this;
  }
}

export class Reader {
  #at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  u8(): number {
    return Number(this.#integer(1));
  }
  u16(): number {
    return Number(this.#integer(2));
  }
  u32(): number {
    return Number(this.#integer(4));
  }
  u64(): bigint {
    return this.#integer(8);
  }
  bool(): boolean {
    const value = this.u8();
    if (value > 1) {
      throw new BorshError(`${value} is no boolean`);
    }
    return value === 1;
  }
  fixed(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) {
      throw new BorshError('the bytes end too early');
    }
    const part = this.#bytes.slice(this.#at, end);
    this.#at = end;
    return part;
  }
  blob(most: number): Uint8Array {
    return this.fixed(this.#length(most));
  }
  string(most: number): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.blob(most));
    } catch (error) {
      throw error instanceof BorshError ? error : new BorshError('a string is not UTF-8');
    }
  }
  list<T>(most: number, read: (reader: this) => T): T[] {
    const count = this.#length(most);
    const items: T[] = [];
    for (let at = 0; at < count; at += 1) {
      items.push(read(this));
    }
    return items;
  }
  /** Refuses bytes behind the value: one encoding per value. */
  end(): void {
    if (this.#at !== this.#bytes.length) {
      throw new BorshError(`${this.#bytes.length - this.#at} bytes too many`);
    }
  }

  #length(most: number): number {
    const length = this.u32();
    if (length > most) {
      throw new BorshError(`a length of ${length} exceeds its bound of ${most}`);
    }
    return length;
  }
  #integer(width: number): bigint {
    return this.fixed(width).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  }
}
