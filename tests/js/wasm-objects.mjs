// Memories, tables, globals, tags and exceptions as objects; modules and what can be seen of them; errors of linking.
import { EXTERNREF, F64, FUNCREF, I32, I64, bytes, call, caught, func, get, i32, make, text } from './modules/wasm.mjs';

// A memory's bytes are the buffer's, until the memory grows.
const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
const guest = make({
  types: [func([I32], [I32]), func([I32, I32], [])],
  imports: [['m', 'memory', 'memory', [1, 1, 4]]],
  funcs: [[0, [get(0), 0x28, 2, 0]], [1, [get(0), get(1), 0x36, 2, 0]], [0, [get(0), 0x40, 0]]],
  exports: [['load', 'func', 0], ['store', 'func', 1], ['grow', 'func', 2], ['memory', 'memory', 0]],
}, { m: { memory } });
const words = new Uint32Array(memory.buffer);
words[3] = 77;
guest.store(16, 88);
console.log(guest.load(12), words[4], guest.memory === memory, memory.buffer === words.buffer);
const old = memory.buffer;
console.log(guest.grow(1), old.byteLength, old.detached, words.length, memory.buffer.byteLength, new Uint32Array(memory.buffer)[4]);
const middle = memory.buffer;
console.log(memory.grow(1), middle.byteLength, memory.buffer.byteLength, caught(() => memory.grow(2)), guest.grow(9));
console.log(caught(() => memory.buffer.transfer()), memory.buffer.resizable);
console.log(caught(() => new WebAssembly.Memory({ initial: 3, maximum: 2 })), caught(() => new WebAssembly.Memory({ initial: 70000 })));
const shared = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true });
console.log(shared.buffer instanceof SharedArrayBuffer, Object.isFrozen(shared.buffer), shared.grow(1), shared.buffer.byteLength);

// A table of functions, and one of any values.
const table = new WebAssembly.Table({ element: 'anyfunc', initial: 2, maximum: 5 });
table.set(0, guest.load);
console.log(table.get(0) === guest.load, table.get(1), table.length, table.grow(2), table.length, caught(() => table.get(4)));
console.log(caught(() => table.set(0, () => 1)), caught(() => table.grow(2)), table.set(0), table.get(0));
const any = new WebAssembly.Table({ element: 'externref', initial: 2 }, 'first');
const object = {};
any.set(1, object);
console.log(any.get(0), any.get(1) === object, any.grow(1, 1.25), any.get(2), any.set(1, undefined), any.get(1));
const { callAt } = make({
  types: [func([I32], [I32])],
  imports: [['m', 'table', 'table', [FUNCREF, 0, 1]]],
  funcs: [[0, [i32(12), get(0), 0x11, 0, 0]]],
  exports: [['callAt', 'func', 0]],
}, { m: { table } });
table.set(2, guest.load);
console.log(callAt(2), caught(() => callAt(0)), caught(() => callAt(100)));

// Globals.
const number = new WebAssembly.Global({ value: 'i32', mutable: true }, 5);
const long = new WebAssembly.Global({ value: 'i64' }, 5n);
console.log(number.value, number.valueOf(), (number.value = 7.9), number.value, long.value, caught(() => { long.value = 1n; }));
const reference = new WebAssembly.Global({ value: 'externref', mutable: true }, object);
console.log(reference.value === object, new WebAssembly.Global({ value: 'externref' }).value, new WebAssembly.Global({ value: 'f64' }).value);
const globals = make({
  types: [func([], [])],
  imports: [['m', 'number', 'global', [I32, 1]], ['m', 'constant', 'global', [F64, 0]], ['m', 'any', 'global', [EXTERNREF, 0]]],
  globals: [[I32, 1, ...i32(3), 0x0b]],
  funcs: [[0, [i32(11), 0x24, 0]]],
  exports: [['set', 'func', 0], ['own', 'global', 3], ['number', 'global', 0], ['constant', 'global', 1], ['any', 'global', 2]],
}, { m: { number, constant: 1.5, any: Symbol.iterator } });
globals.set();
console.log(number.value, globals.number === number, globals.own.value, globals.constant.value, globals.any.value, ++globals.own.value);

// Tags and exceptions.
const tag = new WebAssembly.Tag({ parameters: ['i32', 'externref'] });
const exception = new WebAssembly.Exception(tag, [3, object]);
console.log(exception.is(tag), exception.getArg(tag, 0), exception.getArg(tag, 1) === object, caught(() => exception.getArg(tag, 2)));
const throwing = make({
  types: [func([I32, EXTERNREF], []), func([], [])],
  imports: [['m', 'tag', 'tag', [0, 0]], ['m', 'f', 'func', [1]]],
  // The second catches what the import throws with the tag, and throws it again with another number.
  funcs: [[0, [get(0), get(1), 0x08, 0]], [1, [0x02, 0x40, 0x1f, 0x40, 1, 2, 0, call(0), 0x0b, 0x0f, 0x0b]]],
  exports: [['raise', 'func', 1], ['swallow', 'func', 2]],
}, { m: { tag, f: () => { throw current; } } });
let current = exception;
const raised = caught(() => throwing.raise(9, 'text'));
console.log(raised instanceof WebAssembly.Exception, raised.is(tag), raised.getArg(tag, 0), raised.getArg(tag, 1), raised === exception);
console.log(throwing.swallow(), (current = object, throwing.swallow()));
console.log(WebAssembly.JSTag instanceof WebAssembly.Tag, WebAssembly.JSTag === WebAssembly.JSTag);
console.log(caught(() => new WebAssembly.Exception(WebAssembly.JSTag, [1])), caught(() => new WebAssembly.Exception(tag, [1])));

// Modules.
const binary = bytes({
  types: [func([], [])],
  imports: [['a', 'f', 'func', [0]], ['b', 'g', 'global', [I64, 0]]],
  memories: [[0, 1]],
  exports: [['f', 'func', 0], ['memory', 'memory', 0]],
});
const named = new Uint8Array([...binary, 0, ...((name) => [name.length + 3, ...name, 1, 2, 3])(text('mine'))]);
const module = new WebAssembly.Module(named);
console.log(WebAssembly.Module.imports(module), WebAssembly.Module.exports(module));
console.log(WebAssembly.Module.customSections(module, 'mine').map((section) => [...new Uint8Array(section)]));
console.log(WebAssembly.validate(named), WebAssembly.validate(new Uint8Array(3)), caught(() => new WebAssembly.Module(new Uint8Array(3))));
for (const imports of [undefined, {}, { a: {} }, { a: { f: 1 } }, { a: { f() {} }, b: { g: 1 } }, { a: { f() {} }, b: { g: 1n } }]) {
  console.log(caught(() => Object.keys(new WebAssembly.Instance(module, imports).exports).join()));
}
const { exports } = new WebAssembly.Instance(module, { a: { f() {} }, b: { g: 1n } });
console.log(Object.isFrozen(exports), Object.getPrototypeOf(exports), caught(() => { exports.f = 1; }));
console.log(Object.prototype.toString.call(WebAssembly), String(memory), Object.keys(WebAssembly).sort().join());
// => 77 88 true true
// => 1 0 true 0 131072 88
// => 2 0 196608 RangeError -1
// => TypeError false
// => RangeError RangeError
// => true true 1 131072
// => true null 2 2 4 RangeError
// => TypeError RangeError undefined null
// => first true 2 1.25 undefined undefined
// => 77 RuntimeError RuntimeError
// => 5 5 7.9 7 5n TypeError
// => true undefined 0
// => 11 true 3 1.5 Symbol(Symbol.iterator) 4
// => true 3 true RangeError
// => true true 9 text false
// => undefined undefined
// => true true
// => TypeError TypeError
// => [
// =>   { module: 'a', name: 'f', kind: 'function' },
// =>   { module: 'b', name: 'g', kind: 'global' }
// => ] [ { name: 'f', kind: 'function' }, { name: 'memory', kind: 'memory' } ]
// => [ [ 1, 2, 3 ] ]
// => true false CompileError
// => TypeError
// => TypeError
// => LinkError
// => LinkError
// => LinkError
// => f,memory
// => true null TypeError
// => [object WebAssembly] [object WebAssembly.Memory] JSTag,compile,compileStreaming,instantiate,instantiateStreaming,validate
