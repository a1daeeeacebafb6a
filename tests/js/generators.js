// Generators, iteration protocols, spread and destructuring.
function* count(n) { try { for (let i = 0; i < n; i++) { const got = yield i; if (got) console.log('got', got); } return 'end'; } finally { console.log('closed'); } }
console.log([...count(3)]);
for (const x of count(5)) if (x === 1) break;
const it = count(2);
console.log(it.next(), it.next('a'), it.next('b'), it.next());
function* both() { const result = yield* count(1); console.log(result); yield* [7, 8]; }
console.log(Array.from(both()));
const [a, , b = 5, ...[c, d]] = new Set([1, 2, undefined, 4, 5]);
console.log(a, b, c, d);
const { x: { y = 3, ...others }, ...rest } = { x: { z: 1, w: 2 }, q: 9, r: 8 };
console.log(y, others, rest);
let s = 1, t = 2;
[s, t] = [t, s];
console.log(s, t);
const throwing = { [Symbol.iterator]() { return { next() { return { value: 1, done: false }; }, return() { console.log('return'); return {}; } }; } };
try { const [q] = throwing; for (const v of throwing) throw new Error('out'); } catch (error) { console.log(error.message); }
console.log([1, 2, 3, 4].values().filter((v) => v % 2).map((v) => v * 10).toArray());
const g = (function* () { try { yield 1; } catch (e) { yield 'caught ' + e; } })();
g.next();
console.log(g.throw('x'), g.return(5), g.next());
// => closed
// => [ 0, 1, 2 ]
// => closed
// => got a
// => got b
// => closed
// => { value: 0, done: false } { value: 1, done: false } { value: 'end', done: true } { value: undefined, done: true }
// => closed
// => end
// => [ 0, 7, 8 ]
// => 1 5 4 5
// => 3 { z: 1, w: 2 } { q: 9, r: 8 }
// => 2 1
// => return
// => return
// => out
// => [ 10, 30 ]
// => { value: 'caught x', done: false } { value: 5, done: true } { value: undefined, done: true }
