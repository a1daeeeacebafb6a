// What caches of property accesses must notice: the same code runs again after something has changed.
const read = (object) => object.x;
const write = (object, value) => { object.x = value; };
const method = (object) => object.m();
class Base { m() { return 'base'; } }
class Middle extends Base {}
class Leaf extends Middle {}
const leaf = new Leaf();
const seen = [];
for (let nth = 0; nth < 4; nth++) seen.push(method(leaf));
Middle.prototype.m = () => 'middle';
for (let nth = 0; nth < 2; nth++) seen.push(method(leaf));
delete Middle.prototype.m;
seen.push(method(leaf));
Base.prototype.m = () => 'changed';
seen.push(method(leaf), method(leaf));
Object.defineProperty(Base.prototype, 'm', { get: () => () => 'getter', configurable: true });
seen.push(method(leaf), method(leaf));
Object.setPrototypeOf(Middle.prototype, { m: () => 'elsewhere' });
seen.push(method(leaf), method(leaf));
leaf.m = () => 'own';
seen.push(method(leaf));
console.log(seen.join());

// Additions: a setter or a constant property that comes into the chain later wins.
function Point(x) { this.x = x; }
const points = [];
for (let nth = 0; nth < 4; nth++) points.push(new Point(nth));
let setterSaw = [];
Object.defineProperty(Point.prototype, 'x', { set(value) { setterSaw.push(value); }, get: () => 'inherited', configurable: true });
const late = new Point(7);
console.log(points.map(read).join(), read(late), Object.keys(late).length, setterSaw.join());
Object.defineProperty(Point.prototype, 'x', { value: 'constant', writable: false });
const constant = new Point(8);
console.log(read(constant), Object.keys(constant).length, (() => { 'use strict'; try { constant.x = 1; } catch (error) { return error.name; } })());
delete Point.prototype.x;
console.log(read(new Point(9)), Object.keys(new Point(9)).length);

// Objects with a shape of their own, and frozen ones.
const dictionary = {};
for (let nth = 0; nth < 200; nth++) dictionary['k' + nth] = nth;
dictionary.x = 'there';
const results = [read(dictionary), read(dictionary)];
delete dictionary.x;
results.push(read(dictionary));
for (let nth = 0; nth < 300; nth++) { dictionary['y' + nth] = nth; dictionary.x = nth; results.length = 3; results.push(read(dictionary)); delete dictionary.x; }
console.log(results.join());
const frozen = { x: 1 };
write(frozen, 2);
write(frozen, 3);
Object.freeze(frozen);
write(frozen, 4);
console.log(frozen.x, read(frozen));
const accessor = { x: 1 };
read(accessor);
Object.defineProperty(accessor, 'x', { get: () => 'got' });
console.log(read(accessor), read({ x: 5 }), read(Object.create({ x: 6 })), read(Object.create(null)), read('text'), read(5));

// Primitive values go by their prototypes.
const size = (value) => value.size2;
String.prototype.size2 = 'string';
Number.prototype.size2 = 'number';
console.log([size('a'), size('b'), size(1), size(1.5), size({ size2: 'object' }), size(true)].join());
String.prototype.size2 = 'changed';
console.log(size('a'), size(1));

// Globals: deleted, redefined, shadowed.
globalThis.shifting = 1;
const shift = () => typeof shifting === 'undefined' ? 'none' : shifting;
const load = () => shifting;
console.log(load(), load(), shift());
globalThis.shifting = 2;
console.log(load());
Object.defineProperty(globalThis, 'shifting', { get: () => 'from a getter', configurable: true });
console.log(load(), load());
delete globalThis.shifting;
try { load(); } catch (error) { console.log(error.name, shift()); }
(0, eval)('var shifting = "declared"');
console.log(load(), load(), delete globalThis.shifting);

// Many shapes at one site, and keys that are strings.
const shapes = [];
for (let nth = 0; nth < 12; nth++) shapes.push({ ['a' + nth]: 0, x: nth });
let sum = 0;
for (let round = 0; round < 5; round++) for (const object of shapes) { sum += read(object); write(object, object.x + 1); }
console.log(sum, shapes.map((object) => object['x']).join());

// Literals, closures and arguments made by shapes that are known: each is its own.
const literal = (a) => ({ a, b: a, c: a, d: a, e: a, f: a });
const first = literal(1), second = literal(2);
second.e = 'mine';
console.log(Object.values(first).join(), Object.values(second).join(), Object.keys(literal(3)).join());
const maker = () => function named(a, b) {};
const one = maker(), two = maker();
two.prototype.mark = 1;
console.log(one.prototype.mark, one.prototype.constructor === one, two.prototype.constructor === two, two.name, two.length, one.prototype !== two.prototype);
function args() { return arguments; }
const some = args(1, 2), none = args();
some.length = 1;
console.log(some.length, none.length, args(5).length, [...args(7, 8)].join(), some.callee === args, Math.max.apply(null, some));
function strict() { 'use strict'; return arguments; }
strict();
console.log([...strict(1, 2, 3)].join(), (() => { try { return strict().callee; } catch (error) { return error.name; } })());

// call, apply and instanceof, and what scripts put in their place.
function self(a, b) { 'use strict'; return [this, a, b, arguments.length].join(':'); }
console.log(self.call(1, 2, 3), self.call(), self.apply(1, [2, 3, 4]), self.apply(1, args(5, 6)), self.apply(1), self.apply(1, [, 2]), self.apply('t', { length: 1, 0: 'like' }));
try { self.apply(1, 2); } catch (error) { console.log(error.name); }
class Odd { static [Symbol.hasInstance](value) { return value % 2 === 1; } }
const isOf = (value, target) => value instanceof target;
console.log(isOf(3, Odd), isOf(4, Odd), isOf(leaf, Leaf), isOf([], Array), isOf({}, Array), isOf(1, Number), isOf(Object.create(Leaf.prototype), Leaf), isOf(leaf, Leaf.bind()));
function Proto() {}
const before = new Proto();
console.log(isOf(before, Proto));
Proto.prototype = {};
console.log(isOf(before, Proto), isOf(new Proto(), Proto), new Proto().constructor === Object);
// => base,base,base,base,middle,middle,base,changed,changed,getter,getter,elsewhere,elsewhere,own
// => 0,1,2,3 inherited 0 7
// => constant 0 TypeError
// => 9 1
// => there,there,,299
// => 3 3
// => got 5 6 undefined undefined undefined
// => string,string,number,number,object,
// => changed number
// => 1 1 1
// => 2
// => from a getter from a getter
// => ReferenceError none
// => declared declared true
// => 450 5,6,7,8,9,10,11,12,13,14,15,16
// => 1,1,1,1,1,1 2,2,2,2,mine,2 a,b,c,d,e,f
// => undefined true true named 2 true
// => 1 0 1 7,8 true 1
// => 1,2,3 TypeError
// => 1:2:3:2 :::0 1:2:3:3 1:5:6:2 1:::0 1::2:2 t:like::1
// => TypeError
// => true false true true false false true true
// => true
// => false true true
