// source-map 0.8: the reader of mappings is WebAssembly.
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
const { SourceMapConsumer, SourceMapGenerator } = require('source-map');
const generator = new SourceMapGenerator({ file: 'out.js' });
for (let line = 1; line <= 50; line++) generator.addMapping({ generated: { line, column: line % 7 }, original: { line: 51 - line, column: 2 }, source: 'in.js', name: 'n' + line });
const map = generator.toString();
await SourceMapConsumer.with(map, null, (consumer) => {
  console.log(JSON.stringify(consumer.originalPositionFor({ line: 10, column: 5 })));
  console.log(JSON.stringify(consumer.generatedPositionFor({ source: 'in.js', line: 7, column: 2 })));
  let count = 0; consumer.eachMapping(() => count++); console.log(count, consumer.sources.join());
});
// => {"source":"in.js","line":41,"column":2,"name":"n10"}
// => {"line":44,"column":2,"lastColumn":null}
// => 50 in.js
