// Calls between scripts and guests: conversions, several results, imports, exceptions and traps through both, and recursion.
import { EXTERNREF, F32, F64, FUNCREF, I32, I64, V128, call, caught, func, get, i32, make } from './modules/wasm.mjs';

// Each parameter comes back.
const identity = (type) => make({ types: [func([type], [type])], funcs: [[0, get(0)]], exports: [['f', 'func', 0]] }).f;
const ids = { i32: identity(I32), i64: identity(I64), f32: identity(F32), f64: identity(F64), extern: identity(EXTERNREF) };
console.log(ids.i32(2 ** 32 + 5), ids.i32('7'), ids.i32(-1.9), ids.i32(), ids.i32({ valueOf: () => 3 }));
console.log(ids.i64(5n), ids.i64(2n ** 64n - 1n), ids.i64('12'), caught(() => ids.i64(5)));
console.log(ids.f32(0.1), ids.f64(0.1), ids.f64(-0), ids.f64(NaN), ids.f32(1e300));
const values = [undefined, null, true, false, 0, -0, 1.5, NaN, 2 ** 30, 2 ** 31, -(2 ** 30), 'text', 10n, Symbol.iterator, [], () => 1];
console.log(values.every((value) => Object.is(ids.extern(value), value)), ids.extern());
console.log(caught(() => identity(V128)(1)), caught(() => identity(FUNCREF)(() => 1)));
console.log(identity(FUNCREF)(ids.i32) === ids.i32, identity(FUNCREF)(null), caught(() => identity(FUNCREF)(undefined)));
console.log(ids.i32.name, ids.i32.length, Object.getOwnPropertyNames(ids.i32), caught(() => new ids.i32()));

// Several results, and many parameters of all kinds.
const { swap } = make({ types: [func([I32, F64], [F64, I32])], funcs: [[0, [get(1), get(0)]]], exports: [['swap', 'func', 0]] });
console.log(swap(1, 2.5));
const many = Array.from({ length: 30 }, (_, nth) => [I32, I64, F32, F64][nth % 4]);
const { mixed } = make({
  types: [func(many, many.slice().reverse())],
  funcs: [[0, many.map((_, nth) => get(29 - nth))]],
  exports: [['mixed', 'func', 0]],
});
console.log(mixed(...many.map((type, nth) => (type === I64 ? BigInt(nth) : nth + (type === I32 ? 0 : 0.5)))).join());

// A guest calls a script, which gives what the type wants, or fails.
const importing = (result) => (callback) => make({
  types: [func([I32], result)],
  imports: [['m', 'f', 'func', [0]]],
  funcs: [[0, [get(0), call(0)]]],
  exports: [['run', 'func', 1], ['back', 'func', 0]],
}, { m: { f: callback } });
console.log(importing([I32])((x) => x * 2).run(21), importing([I64])((x) => BigInt(x)).run(4));
console.log(importing([I32, I32])((x) => [x, x + 1]).run(1), importing([I32, I32])(function* (x) { yield x; yield 9; }).run(1));
console.log(caught(() => importing([I32, I32])((x) => [x]).run(1)), caught(() => importing([I32, I32])((x) => x).run(1)));
console.log(caught(() => importing([I64])((x) => x).run(4)), importing([])(() => 5).run(1));
const plain = (x) => x + 1;
const { back } = importing([I32])(plain);
console.log(back === plain, back(1), back.name, importing([I32])(back).back === back);

// What is thrown comes out as it was.
const thrown = { some: 'object' };
console.log(caught(() => importing([I32])(() => { throw thrown; }).run(1)) === thrown);
for (const value of [undefined, null, 1.5, 'text', 7n]) {
  console.log(Object.is(caught(() => importing([I32])(() => { throw value; }).run(1)), value));
}

// Traps are RuntimeErrors, wherever they happen.
const div = make({ types: [func([I32, I32], [I32])], funcs: [[0, [get(0), get(1), 0x6d]]], exports: [['div', 'func', 0]] }).div;
console.log(div(7, 2), caught(() => div(1, 0)), caught(() => importing([I32])((x) => div(x, 0)).run(1)));
const { unreachable } = make({ types: [func([], [])], funcs: [[0, [0]]], exports: [['unreachable', 'func', 0]] });
try {
  unreachable();
} catch (error) {
  console.log(error instanceof WebAssembly.RuntimeError, error instanceof Error, String(error), /wasm-function\[0\]/.test(error.stack));
}

// There and back again, to some depth, and without end.
const depth = { calls: 0 };
const both = importing([I32])((left) => {
  depth.calls++;
  return left > 0 ? both.run(left - 1) + 1 : 0;
});
console.log(both.run(200), depth.calls);
const endless = importing([I32])((x) => endless.run(x));
console.log(caught(() => endless.run(1)));
const { forever } = make({ types: [func([], [])], funcs: [[0, call(0)]], exports: [['forever', 'func', 0]] });
console.log(caught(() => forever()), both.run(3));

// A start function runs while the instance is made.
const log = [];
make({ types: [func([], []), func([I32], [])], imports: [['m', 'f', 'func', [1]]], funcs: [[0, [i32(42), call(0)]]], start: 1 },
  { m: { f: (x) => log.push(x) } });
console.log(log);
console.log(caught(() => make({ types: [func([], [])], imports: [['m', 'f', 'func', [0]]], start: 0 }, { m: { f() { throw thrown; } } })) === thrown);
// => 5 7 -1 0 3
// => 5n -1n 12n TypeError
// => 0.10000000149011612 0.1 -0 NaN Infinity
// => true undefined
// => TypeError TypeError
// => true null TypeError
// => 0 1 [ 'length', 'name' ] TypeError
// => [ 2.5, 1 ]
// => 29,28,27.5,26.5,25,24,23.5,22.5,21,20,19.5,18.5,17,16,15.5,14.5,13,12,11.5,10.5,9,8,7.5,6.5,5,4,3.5,2.5,1,0
// => 42 4n
// => [ 1, 2 ] [ 1, 9 ]
// => TypeError TypeError
// => TypeError undefined
// => false 2 0 true
// => true
// => true
// => true
// => true
// => true
// => true
// => 3 RuntimeError RuntimeError
// => true true RuntimeError: unreachable true
// => 200 201
// => RangeError
// => RangeError 3
// => [ 42 ]
// => true
