// One heap: references of scripts in guests' tables, globals and frames, and guests' objects in scripts, while garbage is collected.
import { ANYREF, EXTERNREF, FUNCREF, I32, call, caught, func, get, i32, make, signed } from './modules/wasm.mjs';

function churn(count = 300) {
  let list = [];
  for (let nth = 0; nth < count; nth++) list = [list.length, { nth, text: 'x' + nth }];
  return list;
}

// Values stay what they are in tables and globals, and on a guest's stack while a script allocates.
const table = new WebAssembly.Table({ element: 'externref', initial: 40 });
for (let nth = 0; nth < 40; nth++) table.set(nth, nth % 3 ? { nth } : nth / 2);
const global = new WebAssembly.Global({ value: 'externref', mutable: true }, { kept: true });
const held = make({
  types: [func([EXTERNREF, EXTERNREF], [EXTERNREF]), func([], [])],
  imports: [['m', 'churn', 'func', [1]]],
  funcs: [[0, [call(0), get(0), get(1), call(0), 0x1a]]],
  exports: [['first', 'func', 1]],
}, { m: { churn: () => { churn(); } } });
const object = { name: 'held' };
for (let nth = 0; nth < 5; nth++) {
  if (held.first(object, { other: nth }) !== object || held.first(nth + 0.25, object) !== nth + 0.25) console.log('lost');
}
churn();
let sum = 0;
for (let nth = 0; nth < 40; nth++) sum += nth % 3 ? table.get(nth).nth : table.get(nth) * 2;
console.log(sum, global.value.kept, held.first('text', 1));

// Structures and arrays are opaque, and the same each time.
const STRUCT = [0x5f, 2, I32, 1, ANYREF, 1], ARRAY = [0x5e, I32, 1];
const guest = make({
  types: [STRUCT, ARRAY, func([I32, ANYREF], [[0x64, 0]]), func([[0x64, 0]], [I32]), func([I32], [[0x64, 1]]), func([ANYREF], [I32]), func([[0x64, 0]], [ANYREF]), func([I32], [[0x64, 0x6c]])],
  funcs: [
    [2, [get(0), get(1), 0xfb, 0, 0]],
    [3, [get(0), 0xfb, 2, 0, 0]],
    [4, [i32(7), get(0), 0xfb, 6, 1]],
    // What it is: 1 a structure, 2 an array, 4 an i31, 8 anything with identity.
    [5, [get(0), 0xfb, 0x14, 0x6b, get(0), 0xfb, 0x14, 0x6a, i32(1), 0x74, 0x72, get(0), 0xfb, 0x14, 0x6c, i32(2), 0x74, 0x72, get(0), 0xfb, 0x14, 0x6d, i32(3), 0x74, 0x72]],
    [6, [get(0), 0xfb, 2, 0, 1]],
    [7, [get(0), 0xfb, 0x1c]],
  ],
  exports: [['make', 'func', 0], ['number', 'func', 1], ['array', 'func', 2], ['kind', 'func', 3], ['inner', 'func', 4], ['small', 'func', 5]],
});
const leaf = guest.make(5, null);
const tree = guest.make(6, leaf);
const array = guest.array(3);
churn();
console.log(guest.number(leaf), guest.inner(tree) === leaf, guest.inner(leaf), typeof leaf, Object.getPrototypeOf(leaf), Object.keys(leaf));
console.log([leaf, array, 5, guest.small(-3), {}, 'text', 1.5, 2 ** 30, null, undefined, Symbol.iterator, 3n, guest.make].map(guest.kind).join());
console.log(guest.inner(guest.make(1, object)) === object, guest.inner(guest.make(1, 'text')), guest.inner(guest.make(1, -7)), guest.inner(guest.make(1, 1e10)));
console.log(caught(() => guest.number(array)), caught(() => guest.number(null)), caught(() => guest.number({})), caught(() => { leaf.x = 1; }));
const known = new WeakMap([[leaf, 'leaf']]);
table.set(0, leaf);
churn();
console.log(known.get(table.get(0)), table.get(0) === leaf, Object.isFrozen(leaf), leaf == leaf, [tree, leaf].indexOf(guest.inner(tree)));

// Instances come and go; what of them is held stays.
const counter = () => make({
  types: [func([], [I32])],
  globals: [[I32, 1, ...i32(0), 0x0b]],
  tables: [[FUNCREF, 0, 1]],
  memories: [[0, 1]],
  funcs: [[0, [0x23, 0, i32(1), 0x6a, 0x24, 0, 0x23, 0]]],
  exports: [['next', 'func', 0], ['table', 'table', 0], ['memory', 'memory', 0], ['count', 'global', 0]],
});
const kept = [];
for (let nth = 0; nth < 300; nth++) {
  const instance = counter();
  instance.next();
  if (nth % 50 === 0) kept.push(instance.next, instance.memory);
}
churn();
console.log(kept.map((one) => (typeof one === 'function' ? one() : one.buffer.byteLength)).join());
const first = counter();
first.next.mark = 'mine';
first.table.set(0, first.next);
const { table: onlyTable } = first;
churn();
console.log(onlyTable.get(0).mark, onlyTable.get(0)(), first.count.value, signed(-1).length);
// => 780 true text
// => 5 true null object null []
// => 9,10,12,12,0,0,0,0,0,0,0,0,0
// => true text -7 10000000000
// => TypeError TypeError TypeError TypeError
// => leaf true true true 1
// => 2,65536,2,65536,2,65536,2,65536,2,65536,2,65536
// => mine 1 1 1
