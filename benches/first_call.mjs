// Makes a module ready and calls one export without parameters, under Node; what the module imports is there, and functions throw.
//
//     node --experimental-wasm-type-reflection first_call.mjs MODULE EXPORT

import { readFileSync } from 'node:fs';

const [file, name] = process.argv.slice(2);
const module = new WebAssembly.Module(readFileSync(file));
const stubs = {
  function: () => () => {
    throw new Error('a stub was called');
  },
  memory: (type) => new WebAssembly.Memory(type),
  table: (type) => new WebAssembly.Table(type),
  global: (type) => new WebAssembly.Global(type),
  tag: (type) => new WebAssembly.Tag(type),
};
const imports = {};
for (const { module: from, name, kind, type } of WebAssembly.Module.imports(module)) {
  (imports[from] ??= {})[name] = stubs[kind](type);
}
const { exports } = new WebAssembly.Instance(module, imports);
console.log(String(exports[name]() ?? ''));
