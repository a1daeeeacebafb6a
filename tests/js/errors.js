// Exceptions through finally, causes, stacks, recursion that ends.
function order() { const steps = []; try { try { steps.push('try'); throw new Error('a'); } finally { steps.push('finally'); } } catch (error) { steps.push(error.message); } finally { steps.push('last'); } return steps.join(); }
console.log(order());
function overruled() { try { return 'try'; } finally { return 'finally'; } }
console.log(overruled());
function loops() { let out = ''; for (const i of [1, 2, 3]) { try { if (i === 2) continue; out += i; } finally { out += 'f'; } } return out; }
console.log(loops());
let depth = 0;
(function deep() { depth++; try { deep(); } catch (error) { if (!(error instanceof RangeError)) throw error; } })();
console.log(depth > 1000);
try { null.x; } catch (error) { console.log(error.constructor === TypeError, typeof error.stack); }
try { undefined_name; } catch (error) { console.log(`${error}`); }
const cause = new Error('outer', { cause: new RangeError('inner') });
console.log(cause.cause.name, Object.hasOwn(cause, 'message'), 'message' in new Error());
console.log(new AggregateError([1, 2], 'many').errors);
function thrower() { throw new SyntaxError('made here'); }
try { thrower(); } catch ({ name, message, stack }) { console.log(name, message, stack.includes('thrower'), stack.split('\n')[0]); }
try { eval('let 1'); } catch (error) { console.log(error.name); }
try { new Function('a', '}, function () {'); } catch (error) { console.log(error.name); }
try { [].reduce((a) => a); } catch (error) { console.log(error.name); }
try { 'x'.repeat(-1); } catch (error) { console.log(error.name); }
try { BigInt(1.5); } catch (error) { console.log(error.name); }
// => try,finally,a,last
// => finally
// => 1ff3f
// => true
// => true string
// => ReferenceError: undefined_name is not defined
// => RangeError true true
// => [ 1, 2 ]
// => SyntaxError made here true SyntaxError: made here
// => SyntaxError
// => SyntaxError
// => TypeError
// => RangeError
// => RangeError
