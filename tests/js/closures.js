// Closures, scopes of loops, hoisting, default parameters.
const adders = [];
for (let i = 0; i < 3; i++) adders.push((x) => x + i++);
console.log(adders.map((add) => add(10)), adders.map((add) => add(10)));
var shared = [];
for (var j = 0; j < 3; j++) shared.push(() => j);
console.log(shared.map((f) => f()));
console.log(typeof hoisted, hoisted());
function hoisted() { return 'hoisted'; }
try { early; let early = 1; } catch (error) { console.log(error.name, error.message); }
function defaults(a, b = a + 1, c = () => a + b, ...rest) { a = 100; return [a, b, c(), rest.length, arguments.length]; }
console.log(defaults(1), defaults(1, 2, undefined, 4, 5));
const counter = (() => { let count = 0; return { up: () => ++count, get value() { return count; } }; })();
counter.up(); counter.up();
console.log(counter.value);
function sloppy(a) { arguments[0] = 2; return a; }
function strict(a) { 'use strict'; arguments[0] = 2; return a; }
console.log(sloppy(1), strict(1));
label: for (let a = 0; a < 3; a++) { for (let b = 0; b < 3; b++) { if (b === 1) continue label; if (a === 2) break label; console.log(a, b); } }
console.log((function fact(n) { return n < 2 ? 1 : n * fact(n - 1); })(20));
// => [ 10, 11, 12 ] [ 11, 12, 13 ]
// => [ 3, 3, 3 ]
// => function hoisted
// => ReferenceError Cannot access 'early' before initialization
// => [ 100, 2, 102, 0, 1 ] [ 100, 2, 102, 2, 5 ]
// => 2
// => 2 1
// => 0 0
// => 1 0
// => 2432902008176640000
