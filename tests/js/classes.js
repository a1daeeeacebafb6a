// Classes: fields, private names, accessors, static blocks, inheritance.
class Point {
  static #made = 0;
  static origin;
  #x = 0;
  y = this.#x + 1;
  constructor(x) { this.#x = x; Point.#made++; }
  get x() { return this.#x; }
  set x(value) { this.#x = value; }
  #secret() { return `secret ${this.#x}`; }
  reveal() { return this.#secret(); }
  static get made() { return Point.#made; }
  static { this.origin = new this(0); }
  static has(object) { return #x in object; }
  ['computed' + 1]() { return 'computed'; }
  *[Symbol.iterator]() { yield this.#x; yield this.y; }
}
class Point3 extends Point {
  z = 3;
  constructor(...args) { super(...args); this.kind = new.target.name; }
  reveal() { return super.reveal() + '!'; }
  toString() { return `Point3(${[...this]}, ${this.z})`; }
}
const p = new Point3(5);
p.x += 2;
console.log(`${p}`, p.reveal(), Point.made, Point.has(p), Point.has({}));
console.log(p.computed1(), p.kind, p instanceof Point, Object.keys(p));
try { Point(); } catch (error) { console.log(error.name); }
try { new (class extends Point { constructor() {} })(); } catch (error) { console.log(error.name); }
class Stack extends Array { top() { return this[this.length - 1]; } }
const stack = Stack.from([1, 2, 3]);
console.log(stack.top(), stack.map((x) => x * 2).top(), stack.length, stack instanceof Stack);
const object = { __proto__: { greet() { return 'hello'; } }, greet() { return super.greet() + ' there'; } };
console.log(object.greet());
console.log(p, Point, class extends Point {}, new (class Foo { #a = 1; b = 2 })());
// => Point3(7,1, 3) secret 7! 2 true false
// => computed Point3 true [ 'y', 'z', 'kind' ]
// => TypeError
// => ReferenceError
// => 3 6 3 true
// => hello there
// => Point3 { y: 1, z: 3, kind: 'Point3' } [class Point] { origin: Point { y: 1 } } [class (anonymous) extends Point] Foo { b: 2 }
