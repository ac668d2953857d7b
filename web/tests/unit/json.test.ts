import assert from 'node:assert/strict';
import test from 'node:test';
import { formatJson, parseJson, toPlain } from '../../src/lib/json.ts';

// Faults: M12
test('integers keep every digit', () => {
  assert.equal(parseJson('18446744073709551615'), 18_446_744_073_709_551_615n);
  assert.equal(parseJson('-0.5e1'), -5);
});

test('values are those of JSON.parse', () => {
  const text = '{"a":[1,2.5,{"b":"\\u00e9\\n\\"\\\\","c":null}],"d":true,"e":false,"f":"","g":{},"h":[]}';
  assert.deepEqual(toPlain(parseJson(text)), JSON.parse(text));
  assert.deepEqual(toPlain(parseJson(formatJson(parseJson(text)))), JSON.parse(text));
});

// Faults: M09, M12
test('a name that stands twice is refused', () => {
  assert.throws(() => parseJson('{"a":1,"a":2}'), /twice/);
});

test('names of the prototype are names like others', () => {
  const value = parseJson('{"__proto__":{"polluted":1},"constructor":2}');
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  assert.equal((value as Record<string, unknown>)['constructor'], 2n);
});

// Faults: M12
test('what is no JSON is refused', () => {
  for (const text of ['', '{', '[1,]', '{"a"}', '01', '+1', '1 2', '"', '"\n"', 'tru', '{a:1}', "'a'", '[1', '\u00a01', '"\\']) {
    assert.throws(() => parseJson(text), /no JSON/, text);
  }
});

// Faults: M03
test('a deeply nested text does not exhaust the stack', () => {
  assert.throws(() => parseJson('['.repeat(100_000)), /nested too deeply/);
});
