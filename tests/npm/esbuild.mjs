// esbuild (its wasm_exec.js and esbuild.wasm, unmodified): the TypeScript file on standard input, `esbuild.ts`, becomes JavaScript.
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
globalThis.fs = require('fs');
globalThis.path = require('path');
require('esbuild-wasm/wasm_exec.js');
const go = new Go();
go.argv = ['esbuild', '--loader=ts', '--minify-syntax'];
go.env = {};
const { instance } = await WebAssembly.instantiate(fs.readFileSync(require.resolve('esbuild-wasm/esbuild.wasm')), go.importObject);
await go.run(instance);
// => var Kind = /* @__PURE__ */ ((Kind2) => (Kind2[Kind2.A = 0] = "A", Kind2.B = "b", Kind2))(Kind || {});
// => export const f = (a, b) => a ?? 0 /* A */;
// => class P {
// =>   constructor(n) {
// =>     this.n = n;
// =>   }
// =>   n;
// => }
