// Runs modules that node.rs sends, in one process: V8 has exceptions in the form before WebAssembly 3.0.
//
// A request is a line of JSON, and so is its answer. `module` begins a module, in hexadecimal; the answer is its exports as pairs of name
// and kind. `call`, `global`, `memory` and `table` name an export. Numbers travel as text, so that 64 bits survive.

import { createInterface } from 'node:readline';

let exports;
let tags;

const TRAPS = [
  [/^unreachable/, 'Unreachable'],
  [/^(divide|remainder) by zero/, 'DivideByZero'],
  [/^divide result unrepresentable/, 'Overflow'],
  [/^float unrepresentable/, 'Conversion'],
  [/^(memory access|data segment) out of bounds/, 'Memory'],
  [/^table index is out of bounds|^table access out of bounds|^element segment out of bounds/, 'Table'],
  [/^null function or function signature mismatch|^function signature mismatch/, 'Signature'],
  [/^dereferencing a null pointer/, 'Null'],
  [/^array element access out of bounds/, 'Array'],
  [/^illegal cast/, 'Cast'],
  [/^requested new array is too large/, 'Heap'],
];

const bytes = new DataView(new ArrayBuffer(8));

function value(value) {
  switch (typeof value) {
    case 'number':
      bytes.setFloat64(0, value);
      return ['number', bytes.getBigUint64(0).toString()];
    case 'bigint':
      return ['bigint', BigInt.asUintN(64, value).toString()];
    default:
      return [value === null ? 'null' : 'object', '0'];
  }
}

function failure(error) {
  if (error instanceof WebAssembly.Exception) {
    const [name, tag] = tags.find(([, tag]) => error.is(tag)) ?? [null, null];
    const payload = [];
    for (let index = 0; tag !== null; index++) {
      try {
        payload.push(value(error.getArg(tag, index)));
      } catch {
        break;
      }
    }
    return { exception: name, payload };
  }
  if (error instanceof RangeError && /call stack/.test(error.message)) {
    return { trap: 'Stack' };
  }
  const found = TRAPS.find(([pattern]) => pattern.test(error.message));
  return { trap: found ? found[1] : `${error.name}: ${error.message}` };
}

function answer(request) {
  if (request.module !== undefined) {
    const module = new WebAssembly.Module(Buffer.from(request.module, 'hex'));
    exports = new WebAssembly.Instance(module).exports;
    tags = Object.entries(exports).filter(([, tag]) => tag instanceof WebAssembly.Tag);
    return { exports: WebAssembly.Module.exports(module).map(({ name, kind }) => [name, kind]) };
  }
  if (request.call !== undefined) {
    const args = request.args.map(([kind, text]) => {
      if (kind === 'bigint') {
        return BigInt(text);
      }
      bytes.setBigUint64(0, BigInt(text));
      return bytes.getFloat64(0);
    });
    const result = exports[request.call](...args);
    return { results: result === undefined ? [] : [value(result)] };
  }
  if (request.global !== undefined) {
    return { value: value(exports[request.global].value) };
  }
  if (request.table !== undefined) {
    const table = exports[request.table];
    return { nulls: Array.from({ length: table.length }, (_, index) => table.get(index) === null) };
  }
  return { bytes: Buffer.from(exports[request.memory].buffer).toString('hex') };
}

for await (const line of createInterface({ input: process.stdin })) {
  let result;
  try {
    result = answer(JSON.parse(line));
  } catch (error) {
    result = failure(error);
  }
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
