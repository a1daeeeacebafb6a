// The order of jobs, async functions and iteration, rejections.
const log = (...args) => console.log(...args);
setTimeout(() => log('timeout'), 0);
Promise.resolve().then(() => log('job 1')).then(() => log('job 2'));
queueMicrotask(() => log('microtask'));
(async () => { log('async start'); await null; log('after await'); try { await Promise.reject(new Error('no')); } catch (error) { log('caught', error.message); } return 'done'; })().then(log);
log('script end');
async function* ticks() { yield 1; yield Promise.resolve(2); await 0; yield 3; }
(async () => { for await (const tick of ticks()) log('tick', tick); for await (const v of [Promise.resolve('a'), 'b']) log(v); })();
Promise.allSettled([Promise.resolve(1), Promise.reject(2), 3]).then((all) => log(JSON.stringify(all)));
Promise.any([Promise.reject(1), new Promise((resolve) => setTimeout(resolve, 5, 'any'))]).then(log);
Promise.all([]).then((all) => log('all', all));
Promise.any([]).catch((error) => log(error.name, error.errors.length));
const { promise, resolve } = Promise.withResolvers();
promise.finally(() => log('finally')).then(log);
resolve('resolved');
new Promise((_, reject) => reject(new TypeError('late'))).catch((error) => log(`${error}`));
// => async start
// => script end
// => job 1
// => microtask
// => after await
// => all []
// => AggregateError 0
// => finally
// => TypeError: late
// => job 2
// => caught no
// => tick 1
// => [{"status":"fulfilled","value":1},{"status":"rejected","reason":2},{"status":"fulfilled","value":3}]
// => done
// => tick 2
// => resolved
// => tick 3
// => a
// => b
// => timeout
// => any
