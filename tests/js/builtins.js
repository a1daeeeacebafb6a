// A walk through the builtins.
console.log([3, 1, 2].sort(), [10, 9, 1].sort(), [10, 9, 1].sort((a, b) => a - b), [1, [2, [3, [4]]]].flat(Infinity));
console.log([1, 2, 3].includes(2), [NaN].indexOf(NaN), [NaN].includes(NaN), [1, 2, 3].at(-1), [1, 2, 3, 4].copyWithin(0, 2));
console.log(Object.entries({ b: 1, a: 2, 1: 3, 0: 4 }), Object.groupBy([1, 2, 3], (x) => (x % 2 ? 'odd' : 'even')));
console.log(new Map([[1, { a: [1, 2] }], ['k', new Set([1, 'two'])]]), new Map([[NaN, 1]]).get(NaN));
console.log(JSON.stringify({ a: [1, { b: undefined, c: () => 1, d: null }], e: 'é\n', f: new Date(0), g: NaN }), JSON.stringify([1, [2]], null, 2));
console.log(JSON.parse('{"a":[1,2,{"b":null}],"__proto__":3}', (key, value) => (Array.isArray(value) ? value.length : value)));
console.log('a-b-c'.split('-'), 'abc'.padStart(5, '*'), 'ß'.toUpperCase(), 'ΑΣ'.toLowerCase(), 'x'.codePointAt(0), '😀'.length, [...'😀'].length);
console.log('2020-01-02'.replace(/(\d+)-(\d+)-(\d+)/, '$3.$2.$1'), 'aBc'.replace(/b/i, (m, at) => m + at), [...'a1b22'.matchAll(/\d+/g)].map((m) => m.index));
console.log(/(?<year>\d{4})/u.exec('in 1999').groups.year, 'a,b;c'.split(/[,;]/), /^\p{Lu}/u.test('Äb'), /(?<=\$)\d+/.exec('cost $42')[0]);
console.log((255).toString(16), (0.1 + 0.2).toFixed(10), (1234.5678).toExponential(2), (0.000001234).toPrecision(2), Number('0x1f'), parseInt('12px'), parseFloat('3.14abc'), 1e21, 123456789012345680000);
console.log(2n ** 100n, -7n / 2n, -7n % 3n, BigInt.asUintN(8, 257n), 5n > 4, 2n == 2, typeof 1n, BigInt('0xff'));
console.log(Math.max(), Math.hypot(3, 4), Math.sign(-3), Math.trunc(-4.7), Math.clz32(1), Math.fround(5.5), Math.imul(3, 4), Math.cbrt(27));
console.log(new Date(Date.UTC(2024, 1, 29, 12, 30, 15, 7)).toISOString(), new Date(NaN).getTime(), Date.parse('2011-10-10T14:48:00.000+09:00'), new Date(8.64e15 + 1).getTime());
const bytes = new Uint8Array([1, 2, 300, -1]);
console.log(bytes, new Float32Array([1.1])[0], new Uint8ClampedArray([300, -5, 1.5]), new DataView(bytes.buffer).getUint16(0), bytes.subarray(1, 3).length);
const buffer = new ArrayBuffer(4, { maxByteLength: 8 });
const tracking = new Uint8Array(buffer);
buffer.resize(8);
console.log(tracking.length, buffer.resizable, structuredCloneIsAbsent());
function structuredCloneIsAbsent() { return Object.prototype.toString.call(null); }
const proxy = new Proxy({}, { get: (target, key) => `got ${String(key)}`, has: (target, key) => key === 'yes', ownKeys: () => ['a', 'b'], getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }) });
console.log(proxy.foo, 'yes' in proxy, 'no' in proxy, Object.keys(proxy));
console.log(Reflect.ownKeys({ [Symbol.for('s')]: 1, b: 2, 1: 3 }), Symbol('d').description, Symbol.keyFor(Symbol.for('k')), Symbol.iterator.toString());
const weak = new WeakMap(), key = {};
weak.set(key, 'value');
console.log(weak.get(key), weak.has({}), new WeakRef(key).deref() === key);
console.log(encodeURIComponent('ä &/€'), decodeURIComponent('%E2%82%AC'), escape('ä€'), isNaN('x'), [1, 2, 3].toSpliced(1, 1, 'x'), Object.fromEntries([['a', 1]]));
console.log(new Set([1, 2, 3]).union(new Set([4])).size, new Set([1, 2]).isSubsetOf(new Set([1, 2, 3])), [3, 1].toSorted(), Array.from({ length: 3 }, (_, i) => i * i));
console.log([, 1, , 2], [undefined, null], { a: { b: { c: { d: 1 } } } }, [[[[1]]]], function named() {}, () => {}, async () => {}, function* () {});
console.log({ 'a-b': 1, c: 'it\'s', get d() { return 1; }, set e(v) {}, [Symbol('s')]: 2 }, Object.create(null), [1.5, -0, 'x', true, 12n, Symbol('q')]);
// => [ 1, 2, 3 ] [ 1, 10, 9 ] [ 1, 9, 10 ] [ 1, 2, 3, 4 ]
// => true -1 true 3 [ 3, 4, 3, 4 ]
// => [ [ '0', 4 ], [ '1', 3 ], [ 'b', 1 ], [ 'a', 2 ] ] [Object: null prototype] { odd: [ 1, 3 ], even: [ 2 ] }
// => Map(2) { 1 => { a: [ 1, 2 ] }, 'k' => Set(2) { 1, 'two' } } 1
// => {"a":[1,{"d":null}],"e":"é\n","f":"1970-01-01T00:00:00.000Z","g":null} [
// =>   1,
// =>   [
// =>     2
// =>   ]
// => ]
// => { a: 3, ['__proto__']: 3 }
// => [ 'a', 'b', 'c' ] **abc SS ας 120 2 1
// => 02.01.2020 aB1c [ 1, 3 ]
// => 1999 [ 'a', 'b', 'c' ] true 42
// => ff 0.3000000000 1.23e+3 0.0000012 31 12 3.14 1e+21 123456789012345680000
// => 1267650600228229401496703205376n -3n -1n 1n true true bigint 255n
// => -Infinity 5 -1 -4 31 5.5 12 3
// => 2024-02-29T12:30:15.007Z NaN 1318225680000 NaN
// => Uint8Array(4) [ 1, 2, 44, 255 ] 1.100000023841858 Uint8ClampedArray(3) [ 255, 0, 2 ] 258 2
// => 8 true [object Null]
// => got foo true false [ 'a', 'b' ]
// => [ '1', 'b', Symbol(s) ] d k Symbol(Symbol.iterator)
// => value false true
// => %C3%A4%20%26%2F%E2%82%AC € %E4%u20AC true [ 1, 'x', 3 ] { a: 1 }
// => 4 true [ 1, 3 ] [ 0, 1, 4 ]
// => [ <1 empty item>, 1, <1 empty item>, 2 ] [ undefined, null ] { a: { b: { c: [Object] } } } [ [ [ [Array] ] ] ] [Function: named] [Function (anonymous)] [AsyncFunction (anonymous)] [GeneratorFunction (anonymous)]
// => { 'a-b': 1, c: "it's", d: [Getter], e: [Setter], Symbol(s): 2 } [Object: null prototype] {} [ 1.5, -0, 'x', true, 12n, Symbol(q) ]
