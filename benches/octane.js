// Runs one piece of Octane (npm `benchmark-octane`) a fixed number of times: `octane.js FOLDER PIECE ITERATIONS`.
// Whoever compares engines compares the processor time of their processes; the pieces print nothing.
const [folder, piece, iterations] = typeof process === 'object' ? process.argv.slice(2) : scriptArgs.slice(1);
const read = typeof require === 'function' ? (path) => require('fs').readFileSync(path, 'latin1') : (path) => std.loadFile(path);
const files = { typescript: ['typescript-input', 'typescript-compiler', 'typescript'], gbemu: ['gbemu-part1', 'gbemu-part2'], zlib: ['zlib', 'zlib-data'] };
const evaluate = eval;
evaluate(read(folder + '/base.js'));
for (const file of files[piece] ?? [piece]) evaluate(read(folder + '/' + file + '.js'));
for (const suite of evaluate('BenchmarkSuite').suites) {
  for (const benchmark of suite.benchmarks) {
    evaluate('BenchmarkSuite').ResetRNG();
    benchmark.Setup();
    for (let n = 0; n < Number(iterations); n++) benchmark.run();
    benchmark.TearDown();
  }
}
