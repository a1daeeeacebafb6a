// Calls an export of one module under Node and prints what it cost as JSON, the last line of stderr.
//
//     node node_run.mjs MODULE EXPORT [ARG…]
//
// `run_cpu_ms` is processor time of the whole process, V8's own threads included, from the call to its return.

import { readFileSync } from 'node:fs';

const [file, name, ...args] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(readFileSync(file));
const began = process.cpuUsage();
const result = instance.exports[name](...args.map(Number));
const { user, system } = process.cpuUsage(began);
console.log(String(result));
console.error(JSON.stringify({ run_cpu_ms: (user + system) / 1000 }));
