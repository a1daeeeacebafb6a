// Regular expressions: the methods of those that nobody has changed, and what they look up of others.
const show = (...values) => console.log(values.map((value) => JSON.stringify(value)).join(' '));
const text = 'one 1, two 22, three 333';
show(text.replace(/\d+/g, '<$&>'), text.replace(/(\w+) (\d+)/, '$2 $1'), text.replace(/(?<word>[a-z]+)/g, '[$<word>]'), text.replace(/x/g, 'y'));
show(text.replace(/(\w+) (\d+)/g, (all, word, digits, at, whole) => [word.length, digits, at, whole === text]), 'aaa'.replace(/a*?/g, '-'));
show('abc'.replace(/(?<x>b)|z/, (...args) => JSON.stringify(args)), 'äöü'.replace(/ö/g, 'x'), 'aö'.replace(/a/, '€'), '😀x'.replace(/(?:)/gu, '.'));
show(text.match(/\d+/g), text.match(/(t)(\w)/), text.match(/q/g), text.match(/q/), 'aBAb'.match(/a/gi), ''.match(/(?:)/g));
show(text.split(/,\s*/), 'a1b2c'.split(/(\d)/), 'abc'.split(/(?:)/), ''.split(/x/), ''.split(/(?:)/), 'a,b,c'.split(/,/, 2), 'aXbxc'.split(/x/i), 'ab'.split(/(?=b)/y));
show('😀😁'.split(/(?:)/u), '😀'.split(/(?:)/), 'a,b'.split(/,/, 0), 'test'.split(/(?<=t)/), '1x2x'.split(/x/));
show(text.search(/\d/), text.search(/q/), /b/.test('abc'), [...text.matchAll(/(\w)\d/g)].map((found) => [found.index, found[0]]));

// The result of exec.
const result = /(?<a>x)|(?<b>y)/d.exec('..y');
show(Object.keys(result), result.index, result.input, result.groups, result.indices, Object.getPrototypeOf(result) === Array.prototype);
show(Object.getPrototypeOf(result.groups), Object.getOwnPropertyDescriptor(result, 'index'), /(?<n>1)|(?<n>2)/.exec('2').groups.n);

// lastIndex.
const global = /a/g, sticky = /a/y;
show(global.test('ba'), global.lastIndex, global.test('ba'), global.lastIndex, sticky.test('ba'), (sticky.lastIndex = 1, sticky.test('ba')), sticky.lastIndex);
global.lastIndex = { valueOf() { return 2; } };
show(global.exec('aaa').index, global.lastIndex, (global.lastIndex = -1, global.exec('aaa').index), (global.lastIndex = 1.9, global.exec('aaa').index));
global.lastIndex = Infinity;
show(global.exec('aaa'), global.lastIndex);
global.lastIndex = 2;
show('xaxa'.replace(global, 'b'), global.lastIndex, (global.lastIndex = 2, 'aaa'.search(global)), global.lastIndex);
const frozen = Object.freeze(/a/g);
for (const attempt of [() => frozen.test('a'), () => 'a'.replace(frozen, ''), () => 'a'.match(frozen), () => frozen.exec('b')]) {
  try { show(attempt()); } catch (error) { show(error.constructor.name); }
}

// What somebody has changed is looked up.
const own = /b/g;
own.exec = function (string) { show('exec', string); return null; };
show('abc'.replace(own, 'x'), own.test('abc'), 'abc'.match(own), 'abc'.search(own), 'abc'.split(own));
class Louder extends RegExp { exec(string) { const found = super.exec(string); return found && Object.assign(found, { 0: found[0].toUpperCase() }); } }
show('abcb'.replace(new Louder('b', 'g'), '[$&]'), 'abcb'.match(new Louder('b', 'g')), new Louder('b').test('abc'));
class Kinds extends RegExp { static get [Symbol.species]() { show('species'); return RegExp; } get flags() { show('flags'); return super.flags; } }
show('abcb'.split(new Kinds('b')), 'abcb'.replace(new Kinds('b'), '-'), 'abcb'.match(new Kinds('b', 'g')));
const plain = /b/g;
Object.defineProperty(plain, 'global', { value: false });
show('abcb'.replace(plain, '-'), plain.flags);
const exec = RegExp.prototype.exec, flags = Object.getOwnPropertyDescriptor(RegExp.prototype, 'flags');
let calls = 0;
RegExp.prototype.exec = function (string) { calls++; return exec.call(this, string); };
show('abcb'.replace(/b/g, '-'), /b/.test('b'), 'abcb'.split(/b/), calls);
RegExp.prototype.exec = exec;
Object.defineProperty(RegExp.prototype, 'flags', { ...flags, get() { calls++; return ''; } });
show('abcb'.replace(/b/g, '-'), calls);
Object.defineProperty(RegExp.prototype, 'flags', flags);
const { get } = Object.getOwnPropertyDescriptor(RegExp.prototype, 'global');
Object.defineProperty(RegExp.prototype, 'global', { get() { calls++; return false; }, configurable: true });
show('abcb'.replace(/b/g, '-'), calls);
Object.defineProperty(RegExp.prototype, 'global', { get, configurable: true });
show('abcb'.replace(/b/g, '-'), calls);
delete RegExp.prototype.exec;
try { /b/.test('b'); } catch (error) { show(error.constructor.name); }
RegExp.prototype.exec = exec;
show(/b/.test('b'), 'abcb'.replace(/b/g, '-'));

// A function that replaces may change all it likes: the matches were found before.
const compiled = /b/g;
show('abcb'.replace(compiled, () => { compiled.compile('c', 'g'); return compiled.exec('cc').index; }), compiled.lastIndex, compiled.source);
show('abab'.replace(/a/g, (found, at) => 'abab'.replace(/b/g, at)));
const like = () => /a/g;
show(like() === like(), like().test('a'), like().lastIndex, Object.getPrototypeOf(like()) === RegExp.prototype, Object.getOwnPropertyNames(like()));

// The last match of all.
'-xy-'.replace(/(x)(y)/g, '');
show(RegExp.$1, RegExp.$2, RegExp.$3, RegExp['$&'], RegExp['$`'], RegExp["$'"], RegExp['$+'], RegExp.input);
/a/.test('bad');
show(RegExp.$1, RegExp.lastMatch, RegExp.leftContext, RegExp.rightContext, RegExp.lastParen);
for (const source of ['(', '[b-a]', 'a**', '(?<a>)(?<a>)', '\\', '(?<=a)+']) {
  try { new RegExp(source); show(source); } catch (error) { show(error.name); }
}

// => "one <1>, two <22>, three <333>" "1 one, two 22, three 333" "[one] 1, [two] 22, [three] 333" "one 1, two 22, three 333"
// => "3,1,0,true, 3,22,7,true, 5,333,15,true" "-a-a-a-"
// => "a[\"b\",\"b\",1,\"abc\",{\"x\":\"b\"}]c" "äxü" "€ö" ".😀.x."
// => ["1","22","333"] ["tw","t","w"] null null ["a","A"] [""]
// => ["one 1","two 22","three 333"] ["a","1","b","2","c"] ["a","b","c"] [""] [] ["a","b"] ["a","b","c"] ["a","b"]
// => ["😀","😁"] ["\ud83d","\ude00"] [] ["t","est"] ["1","2",""]
// => 4 -1 true [[11,"22"],[21,"33"]]
// => ["0","1","2","index","input","groups","indices"] 2 "..y" {"b":"y"} [[2,3],null,[2,3]] true
// => null {"value":2,"writable":true,"enumerable":true,"configurable":true} "2"
// => true 2 false 0 false true 2
// => 2 3 0 1
// => null 0
// => "xbxb" 0 0 2
// => "TypeError"
// => "TypeError"
// => "TypeError"
// => "TypeError"
// => "exec" "abc"
// => "exec" "abc"
// => "exec" "abc"
// => "exec" "abc"
// => "abc" false null -1 ["a","c"]
// => "a[B]c[B]" ["B","B"] true
// => "species"
// => "flags"
// => "flags"
// => "flags"
// => ["a","c",""] "a-cb" ["b","b"]
// => "a-cb" ""
// => "a-c-" true ["a","c",""] 8
// => "a-cb" 9
// => "a-cb" 10
// => "a-c-" 10
// => true "a-c-"
// => "a0c0" 1 "c"
// => "a0a0ba2a2b"
// => false true 0 true ["lastIndex"]
// => "x" "y" "" "xy" "-" "-" "y" "-xy-"
// => "" "a" "b" "d" ""
// => "SyntaxError"
// => "SyntaxError"
// => "SyntaxError"
// => "SyntaxError"
// => "SyntaxError"
// => "SyntaxError"
