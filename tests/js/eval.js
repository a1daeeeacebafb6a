// eval, with, Function, global code and other old things.
var g = 'global';
function direct() { var local = 'local'; eval('var made = local + "!"; local = "changed"'); return [made, local]; }
console.log(direct());
function indirect() { var g = 'inner'; return (0, eval)('typeof g'); }
console.log(indirect());
function strict() { 'use strict'; eval('var hidden = 1'); return typeof hidden; }
console.log(strict());
console.log(eval('1; if (true) { 2 } else { 3 }'), eval('var q = 1'), eval('do { 5; break } while (0)'));
with ({ a: 1, b: { c: 2 } }) { var fromWith = a + b.c; a = 10; }
console.log(fromWith, typeof a);
console.log(new Function('a', 'b = 2', 'return a + b')(1), new Function('return this')() === globalThis);
console.log((function () { return typeof this; })(), (function () { 'use strict'; return typeof this; })());
{ function inBlock() { return 'block'; } }
console.log(inBlock());
console.log(typeof undeclared, delete globalThis.nothing, void 0);
switch (3) { case 1: console.log('one'); default: console.log('default'); case 2: console.log('two'); break; case 4: console.log('four'); }
console.log([1, 2, 3].map(String).concat('x').join(), 010, 0b11, 0o17, '\x41\u{1F600}\101');
console.log(((a, b) => a ** b)(2, 10), 7 % -3, -7 % 3, 1 / -0, 5 >>> 1, -5 >>> 28, -5 >> 1, 1 << 33, ~~3.7, null ?? 'd', 0 || 'e', '' && 'f', '.');
let o = { n: null }; o.n ??= 5; o.m ||= 6; o.n &&= 7;
console.log(o, o?.x?.y.z, o.f?.(), o?.['n'], delete o?.n, o);
for (const k in { x: 1, __proto__: { y: 2 } }) console.log(k);
console.log([1, '1', null, undefined, NaN].map((v) => v == 1), null == undefined, null == 0, '10' < '9', 10 < '9a', [2] > 1);
console.log(`a${1}${`b${2}`}`, ((s, ...v) => s.raw.join('|') + v)`x\n${1}y${2}`);
var { length } = 'four'; console.log(length);
console.log([..."ab"].entries().next().value, Array(3).length, [,].length, typeof function () {}, typeof class {}, typeof null, typeof Symbol());
// => [ 'local!', 'changed' ]
// => undefined
// => undefined
// => 2 undefined 5
// => 3 undefined
// => 3 true
// => object undefined
// => block
// => undefined true undefined
// => default
// => two
// => 1,2,3,x 8 3 15 A😀A
// => 1024 1 -1 -Infinity 2 15 -3 2 3 d e  .
// => { m: 6 } undefined undefined 7 true { m: 6 }
// => x
// => y
// => [ true, true, false, false, false ] true false true false true
// => a1b2 x\n|y|1,2
// => 4
// => [ 0, 'a' ] 3 1 function function object symbol
