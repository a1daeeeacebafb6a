// Modules: live bindings, cycles, namespaces, default exports, top-level await, dynamic import.
import total, { add, count as current, Shape } from './modules/counter.mjs';
import * as counter from './modules/counter.mjs';
import { ping } from './modules/ping.mjs';
import data from './modules/data.json' with { type: 'json' };
console.log(current, total());
add(2);
console.log(current, counter.count, total(), Object.keys(counter));
console.log(ping(3), new Shape().name, data.list);
try { counter.count = 1; } catch (error) { console.log(error.name); }
const loaded = await import('./modules/late.mjs');
console.log(loaded.default, loaded.late, typeof import.meta.url, this === undefined);
try { await import('./modules/missing.mjs'); } catch (error) { console.log(error instanceof Error); }
console.log(counter[Symbol.toStringTag], await Promise.resolve('awaited'));
// => 0 total 0
// => 2 2 total 2 [ 'Shape', 'add', 'count', 'default' ]
// => pong shape [ 1, 2, 3 ]
// => TypeError
// => late late string true
// => true
// => Module awaited
