// Compiling and instantiating in the background: what promises give, and in which order.
import { I32, bytes, caught, func, get } from './modules/wasm.mjs';

const add = bytes({ types: [func([I32, I32], [I32])], funcs: [[0, [get(0), get(1), 0x6a]]], exports: [['add', 'func', 0]] });
const module = await WebAssembly.compile(add);
console.log(module instanceof WebAssembly.Module, (await WebAssembly.instantiate(module)).exports.add(1, 2));
const both = await WebAssembly.instantiate(add.buffer);
console.log(Object.keys(both), both.instance.exports.add(40, 2));
const failed = (promise) => promise.then(() => 'fulfilled', (error) => error.name);
console.log(await failed(WebAssembly.compile(new Uint8Array(8))), await failed(WebAssembly.compile(1)), await failed(WebAssembly.instantiate()));
const importing = bytes({ types: [func([], [])], imports: [['m', 'f', 'func', [0]]], start: 0 });
console.log(await failed(WebAssembly.instantiate(importing)), await failed(WebAssembly.instantiate(importing, { m: {} })));
console.log(await failed(WebAssembly.instantiate(importing, { m: { f() { null.x; } } })), await failed(WebAssembly.instantiate(importing, 5)));

// The bytes are those of when it was called.
const changing = add.slice();
const compiling = WebAssembly.compile(changing);
changing.fill(0);
console.log(await failed(compiling));

// Nothing is settled before the script has ended its turn; microtasks come first.
const order = [];
const instantiated = WebAssembly.instantiate(module).then(() => order.push('instantiated'));
Promise.resolve().then(() => order.push('microtask'));
order.push('script');
await instantiated;
console.log(order.join());
const many = await Promise.all(Array.from({ length: 20 }, (_, nth) => WebAssembly.instantiate(add).then(({ instance }) => instance.exports.add(nth, nth))));
console.log(many.join());
const response = { arrayBuffer: () => Promise.resolve(add.buffer) };
console.log(await failed(WebAssembly.compileStreaming(7)), typeof WebAssembly.instantiateStreaming, caught(() => typeof response));
// => true 3
// => [ 'module', 'instance' ] 42
// => CompileError TypeError TypeError
// => TypeError LinkError
// => TypeError TypeError
// => fulfilled
// => script,microtask,instantiated
// => 0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30,32,34,36,38
// => TypeError function object
