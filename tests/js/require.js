// CommonJS: exports, cycles, JSON, the shell's own modules.
const half = require('./modules/half');
console.log(half.name, half.other.name, half.other.seen, require('./modules/half') === half);
console.log(require('./modules/data.json').list.length, typeof require('fs').readFileSync, require('path').join('a', '..', 'b', 'c.js'));
console.log(require('path').basename(__filename), require('path').extname(__filename), module.exports === exports, this === exports);
try { require('./modules/nowhere'); } catch (error) { console.log(error.code); }
const text = require('fs').readFileSync(__dirname + '/modules/data.json', 'utf8');
console.log(text.trim(), new TextDecoder().decode(new TextEncoder().encode('grüße €')), new TextEncoder().encode('é'));
console.log(typeof performance.now(), process.argv.length, typeof process.env.PATH);
process.exitCode = 0;
// => half other [ 'name' ] true
// => 3 function b/c.js
// => require.js .js true true
// => MODULE_NOT_FOUND
// => { "list": [1, 2, 3] } grüße € Uint8Array(2) [ 195, 169 ]
// => number 2 string
