//! Scripts, and the text of their completion values.

use crate::heap::HeapConfig;
use crate::js::agent::{Agent, AgentConfig};
use crate::js::cx::Cx;

const SCRIPTS: &[(&str, &str)] = &[
    ("1 + 2", "3"),
    ("var a = 5; a * 2.5 - 0.5", "12"),
    ("'a' + 1 + null", "a1null"),
    ("function f(n) { return n < 2 ? n : f(n - 1) + f(n - 2); } f(15)", "610"),
    ("let s = 0; for (let i = 0; i < 10; i++) s += i; s", "45"),
    ("let t = 0; for (var i = 0; i < 5; i++) { if (i == 2) continue; if (i == 4) break; t += i; } t", "4"),
    ("var o = {a: 1, b: {c: 2}}; o.a + o.b.c", "3"),
    ("var o = {}; o.x = 1; o.y = 2; o['z' + 1] = 3; o.x + o.y + o.z1", "6"),
    ("var x = [1, 2, 3]; x[1] = 5; x[3] = 7; x[0] + x[1] + x[2] + x[3] + x.length", "20"),
    ("function C(v) { this.v = v; } C.prototype.get = function () { return this.v; }; new C(4).get()", "4"),
    ("class A { constructor(x) { this.x = x; } m() { return this.x + 1; } static s() { return 9; } } new A(3).m() + A.s()", "13"),
    ("class A { m() { return 1; } } class B extends A { m() { return super.m() + 1; } } new B().m()", "2"),
    (
        "class A { constructor() { this.a = 1; } } class B extends A { constructor() { super(); this.b = 2; } } var b = new B(); b.a + b.b",
        "3",
    ),
    ("class A { #p = 3; f = this.#p + 1; get q() { return this.#p; } static t = 8; } var a = new A(); a.f + a.q + A.t", "15"),
    (
        "class A { #p() { return 2; } static has(o) { return #p in o; } r() { return this.#p(); } } '' + A.has(new A()) + A.has({}) + new A().r()",
        "truefalse2",
    ),
    ("try { null.x; } catch (e) { e.message }", "Cannot read properties of null (reading 'x')"),
    ("try { throw 5; } catch (e) { e + 1 } finally { 9 }", "6"),
    ("function f() { try { return 1; } finally { g = 2; } } var g; f() + g", "3"),
    ("function f() { for (;;) { try { return 1; } finally { break; } } return 2; } f()", "2"),
    ("var f = (a, b = 2, ...c) => a + b + c.length; f(1) + f(1, 1, 1, 1)", "7"),
    ("function f() { return arguments.length + arguments[1]; } f(1, 2, 3)", "5"),
    ("function f(a) { arguments[0] = 7; return a; } f(1)", "7"),
    ("function f(a) { a = 8; return arguments[0]; } f(1)", "8"),
    ("function f(a, b, c) { return '' + a + b + c; } f(1)", "1undefinedundefined"),
    ("var k = []; for (var p in {a: 1, b: 2, 0: 3}) k[k.length] = p; k[0] + k[1] + k[2]", "0ab"),
    ("var fs = []; for (let i = 0; i < 3; i++) fs[i] = () => i; '' + fs[0]() + fs[1]() + fs[2]()", "012"),
    ("var {a, b: {c = 5}, ...r} = {a: 1, b: {}, d: 4}; a + c + r.d", "10"),
    (
        "typeof undefinedVariable + typeof 1 + typeof 'a' + typeof {} + typeof function () {}",
        "undefinednumberstringobjectfunction",
    ),
    ("try { x; let x = 1; } catch (e) { e.message }", "Cannot access 'x' before initialization"),
    ("try { const q = 1; q = 2; } catch (e) { e.message }", "Assignment to constant variable."),
    ("try { undefinedFunction(); } catch (e) { e.message }", "undefinedFunction is not defined"),
    ("label: for (var i = 0; i < 3; i++) { for (;;) { if (i == 1) break label; continue label; } } i", "1"),
    ("switch (3) { case 1: 'a'; break; case 3: 'b'; case 4: 'c'; break; default: 'd'; }", "c"),
    ("var n = 0; do { n++; } while (n < 5); while (n < 8) n++; n", "8"),
    ("10n ** 20n + 1n", "100000000000000000001"),
    ("-7n / 2n", "-3"),
    ("7 % -3 + (-7 % 3)", "0"),
    ("1 << 31 >>> 1 | 0", "1073741824"),
    ("2 ** 10 + (5 & 3) + (5 | 3) + (5 ^ 3) + ~1", "1036"),
    ("'b' > 'a' && 2 >= 2 && !(1 < NaN0)\nvar NaN0 = 0", "true"),
    ("null ?? 4", "4"),
    ("var o = null; '' + o?.x?.y + o?.[1]", "undefinedundefined"),
    ("var o = {get x() { return 3; }, set x(v) { this.y = v; }}; o.x = 4; o.x + o.y", "7"),
    ("var o = {f() { return super.g(); }, __proto__: {g() { return 6; }}}; o.f()", "6"),
    ("`a${1 + 1}b`", "a2b"),
    ("function t(s, v) { return s[0] + s.raw[1] + v; } t`x${5}\\n`", "x\\n5"),
    ("with ({v: 3}) { v + 1 }", "4"),
    ("var e = 1; function f() { var e = 2; return eval('e + 1'); } f()", "3"),
    ("function f() { eval('var z = 4'); return z; } f()", "4"),
    ("(0, eval)('var ge = 3'); ge", "3"),
    ("function f() { return new.target === f; } '' + (new f() instanceof f) + f()", "truefalse"),
    ("function r() { return r(); } try { r(); } catch (e) { e.message }", "Maximum call stack size exceeded"),
    ("delete ({a: 1}).a", "true"),
    ("'a' in {a: 1}", "true"),
    (
        "var s = ''; for (var c of {[Symbol_iterator()]() { var i = 0; return {next() { return {value: i, done: i++ >= 3}; }}; }}) s += c; s\nfunction Symbol_iterator() { return 'no'; }",
        "!TypeError",
    ),
    (
        "function* g() { var x = yield 1; try { yield x + 1; } finally { yield 9; } } var i = g(); var a = i.next().value; var b = i.next(5).value; var c = i.return(7); var d = i.next(); '' + a + b + c.value + d.value + d.done",
        "1697true",
    ),
    ("(function () { 'use strict'; return this; })()", "undefined"),
    ("void 0 === undefined0\nvar undefined0", "true"),
    ("var i = 5; i++ + ++i - i--", "5"),
    ("(function f(n) { return n ? f(n - 1) : 'end'; })(1000)", "end"),
    ("class A { static { this.z = 6; } } A.z", "6"),
    ("var [a, , b = 3] = g(); function* g() { yield 1; yield 2; } a + b", "4"),
    ("function* g() { yield* h(); yield 3; } function* h() { yield 1; yield 2; } var s = 0; for (var v of g()) s += v; s", "6"),
    ("function f(...a) { return a.length; } f(...[1, 2], 3)", "3"),
    ("if (true) { function inner() { return 3; } } inner()", "3"),
    ("function f() { let x = 1; { eval('var y = 2'); } return x + y; } f()", "3"),
    (
        "function f() { let x = 1; { let x = 2; try { eval('var x = 3'); } catch (e) { return e.message; } } } f()",
        "Identifier 'x' has already been declared",
    ),
    ("function f() { eval('var z = 1'); var d = delete z; return '' + d + typeof z; } f()", "trueundefined"),
    (
        "class A { constructor() { this.v = 1; } } class B extends A { constructor() { var f = () => super(); f(); } } new B().v",
        "1",
    ),
    (
        "class A {} class B extends A { constructor() { try { this; } catch (e) { super(); this.m = e.message; } } } new B().m",
        "Must call super constructor in derived class before accessing 'this' or returning from derived constructor",
    ),
    ("class B extends Array {} var b = new B(); b.push(1, 2); b.length", "2"),
    ("try { (class A {})(); } catch (e) { e.message }", "Class constructor A cannot be invoked without 'new'"),
    ("function* g() { try { yield 1; } finally { log += 'f'; } } var log = ''; for (var v of g()) { break; } log", "f"),
    ("function* g() { try { yield 1; } catch (e) { yield e + 1; } } var i = g(); i.next(); i.throw(4).value", "5"),
    ("var s = 0; for (const [a, b] of [[1, 2], [3, 4]]) s += a * b; s", "14"),
    ("var [x, ...y] = [1, 2, 3]; x + y.length", "3"),
    ("[...[1, 2], ...[3]].length", "3"),
    ("var o = {a: 1, ...{b: 2, c: 3}}; o.a + o.b + o.c", "6"),
    ("var o = {x: 1}; with (o) { x = 2; var q = x; } o.x + q", "4"),
    ("var s = ''; for (var k in {a: 1, __proto__: {b: 2, a: 3}}) s += k; s", "ab"),
    ("var o = {a: 1, b: 2, c: 3}, s = ''; for (var k in o) { delete o.b; s += k; } s", "ac"),
    ("function f(a, b = () => a) { var a = 2; return b() + a; } f(1)", "3"),
    ("function f({a = 1, b: [c]}, ...[d]) { return a + c + d; } f({b: [2]}, 3)", "6"),
    ("var f = function () {}; f.name + (() => {}).name + (class Q {}).name", "fQ"),
    ("var o = {['a' + 1]: function () {}, get b() { return 1; }}; o.a1.name", "a1"),
    ("(function (a, b, c = 1, d) {}).length", "2"),
    (
        "x1 = 1; var r = ''; try { (function () { 'use strict'; x2 = 1; })(); } catch (e) { r = e.message; } r + x1",
        "x2 is not defined1",
    ),
    ("var n = 0; outer: for (var i of [1, 2, 3]) { for (var j of [1, 2]) { if (j == 2) continue outer; n += i * j; } } n", "6"),
    ("var a = 1, b = 2; [a, b] = [b, a]; '' + a + b", "21"),
    ("a?.b.c.d; var a", "undefined"),
    ("var o = {n: null}; o.n ??= 5; o.m ||= 6; o.n &&= 7; o.n + o.m", "13"),
    ("let z = 1; { let z = 2; { function z2() { return z; } } } z2()", "2"),
    (
        "class A { static #c = 0; static inc() { return ++A.#c; } get #g() { return 4; } h() { return this.#g; } } A.inc(); A.inc() + new A().h()",
        "6",
    ),
    ("class A { x = this; static y = this; ['z' + 1] = 5; } var a = new A(); '' + (a.x === a) + (A.y === A) + a.z1", "truetrue5"),
    ("class A { accessor = 1; async = 2; static static = 3; } new A().accessor + new A().async + A.static", "6"),
    ("var g = (function* () { return yield* (function* () { yield 1; return 2; })(); })(); g.next(); g.next().value", "2"),
    ("eval('1;;;'); eval('{ 5 }')", "5"),
    ("eval('var s = 0; for (var i = 0; i < 3; i++) { s += i; }')", "3"),
    ("var x = 1; function p() { return x; } { let x = 2; p() }", "1"),
    ("var r = []; for (let i = 0, f = () => i; i < 2; i++) r.push(f); r[0]() + r[1]()", "0"),
    ("try { [].reduce0(); } catch (e) { e.message.length > 0 }", "true"),
    (
        "(class { #x = 1; static t(o) { try { return o.#x; } catch (e) { return e.message; } } }).t({})",
        "Cannot read private member #x from an object whose class did not declare it",
    ),
    (
        "function f(x) { switch (x) { case 1: let y = 2; return y; case 2: try { return y; } catch (e) { return 'tdz'; } } } '' + f(1) + f(2)",
        "2tdz",
    ),
    ("var i = 0; var o = {get a() { i++; return {}; }}; o.a.b = i; i", "1"),
    ("(() => { try { throw 1 } catch { return 2 } finally { } })()", "2"),
    ("async function f() {} typeof f", "function"),
];

fn text(cx: &mut Cx<'_>, source: &str) -> String {
    let result = cx.eval_text(source).and_then(|value| cx.to_rust_text(value));
    match result {
        Ok(text) => text,
        Err(thrown) => match cx.take_exception(thrown) {
            Ok(error) => match cx.display(error) {
                text if text.contains("not iterable") => "!TypeError".to_owned(),
                text => format!("!{text}"),
            },
            Err(_) => "terminated".to_owned(),
        },
    }
}

fn run_all(stress: bool) {
    let mut failures = Vec::new();
    for &(source, expected) in SCRIPTS {
        if stress && source.contains("r();") {
            continue;
        }
        let heap = HeapConfig { stress, ..HeapConfig::default() };
        let mut agent = Agent::new(AgentConfig { heap: HeapConfig::default(), ..AgentConfig::default() }).expect("an agent");
        if stress {
            agent = Agent::new(AgentConfig { heap, ..AgentConfig::default() }).expect("an agent");
        }
        let found = agent.enter(|cx| text(cx, source));
        if found != expected {
            failures.push(format!("{source}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(failures.is_empty(), "{} of {} fail:\n{}", failures.len(), SCRIPTS.len(), failures.join("\n"));
}

#[test]
fn scripts_give_their_values() {
    run_all(false);
}

#[test]
fn scripts_give_their_values_under_stress() {
    run_all(true);
}

#[test]
fn an_endless_loop_is_ended_from_outside() {
    let mut agent = Agent::new(AgentConfig::default()).expect("an agent");
    let interrupt = agent.interrupt();
    let thread = crate::base::sync::thread::spawn(move || {
        crate::base::sync::thread::sleep(std::time::Duration::from_millis(50));
        interrupt.terminate();
    });
    let ended =
        agent.enter(|cx| cx.eval_text("try { for (;;); } catch (e) {} finally { 1 }").is_err() && cx.termination().is_some());
    assert!(ended);
    thread.join().expect("it ends");
}

#[test]
fn a_match_that_takes_for_ever_is_ended_from_outside() {
    let mut agent = Agent::new(AgentConfig::default()).expect("an agent");
    let interrupt = agent.interrupt();
    let thread = crate::base::sync::thread::spawn(move || {
        crate::base::sync::thread::sleep(std::time::Duration::from_millis(50));
        interrupt.terminate();
    });
    let script = "try { /^(a+)+$/.test('a'.repeat(60) + 'b') } catch (e) {}";
    let ended = agent.enter(|cx| cx.eval_text(script).is_err() && cx.termination().is_some());
    assert!(ended);
    thread.join().expect("it ends");
}

#[test]
fn errors_know_where_they_were_made() {
    let mut agent = Agent::new(AgentConfig::default()).expect("an agent");
    let trace = agent.enter(|cx| {
        let thrown = cx.eval_source("file.js", "function f() {\n  null.x;\n}\nf();").err();
        let error = thrown.and_then(|thrown| cx.take_exception(thrown).ok());
        error.map(|error| cx.stack_text(error)).unwrap_or_default()
    });
    let lines: Vec<&str> = trace.lines().collect();
    assert_eq!(lines.len(), 2, "{trace}");
    assert!(lines[0].starts_with("    at f (file.js:2:"), "{trace}");
    assert!(lines[1].contains("file.js:4:"), "{trace}");
}

const JOBS: &[(&str, &str)] = &[
    ("(async () => { log += await 1; log += await Promise.resolve(2); })(); ", "12"),
    ("(async () => { try { await Promise.reject(3); } catch (e) { log += e; } finally { log += 'f'; } })();", "3f"),
    ("async function f() { throw 4; } f().catch(e => log += e);", "4"),
    ("async function f() { return 5; } f().then(v => log += v);", "5"),
    (
        "async function* g() { yield 1; var x = yield 2; log += x; return 3; } var i = g(); i.next(); i.next(); i.next('a').then(r => log += r.value + '' + r.done);",
        "a3true",
    ),
    (
        "async function* g() { yield 1; yield Promise.resolve(2); } (async () => { for await (var v of g()) log += v; log += 'e'; })();",
        "12e",
    ),
    ("(async () => { for await (var v of [1, Promise.resolve(2), 3]) log += v; })();", "123"),
    (
        "async function* g() { try { yield 1; } finally { log += 'f'; } } (async () => { for await (var v of g()) { log += v; break; } })();",
        "1f",
    ),
    (
        "async function* g() { yield* h(); } async function* h() { yield 1; yield 2; } (async () => { for await (var v of g()) log += v; })();",
        "12",
    ),
    (
        "async function* g() { yield 1; } var i = g(); i.return(9).then(r => log += r.value + '' + r.done); i.next().then(r => log += r.done);",
        "9truetrue",
    ),
    ("async function* g() { throw 7; } g().next().catch(e => log += e);", "7"),
    (
        "(async () => { await using r = {async [Symbol.asyncDispose]() { log += 'd'; }}; log += 'u'; })().then(() => log += 'e');",
        "ude",
    ),
    ("(async (a = await0) => {})().catch(e => log += e.constructor.name);", "ReferenceError"),
    ("(async () => { { using r = {[Symbol.dispose]() { log += 'd'; }}; log += 'u'; } log += 'e'; })();", "ude"),
    ("Promise.resolve().then(() => log += 2); (async () => { await null; log += 3; })(); log += 1;", "123"),
    ("(async () => { var x = await (async () => { await 1; return 6; })(); log += x; })();", "6"),
    ("class A { async m() { return this.v; } v = 8; } new A().m().then(v => log += v);", "8"),
];

#[test]
fn jobs_come_in_their_order() {
    let mut failures = Vec::new();
    for stress in [false, true] {
        for &(source, expected) in JOBS {
            let heap = HeapConfig { stress, ..HeapConfig::default() };
            let mut agent = Agent::new(AgentConfig { heap, ..AgentConfig::default() }).expect("an agent");
            let found = agent.enter(|cx| {
                let first = text(cx, &format!("var log = ''; {source}"));
                let ended = cx.run_jobs().is_ok();
                let log = text(cx, "log");
                if ended { log } else { first }
            });
            if found != expected {
                failures.push(format!("{source}\n  expected {expected}\n  found    {found}"));
            }
        }
    }
    assert!(failures.is_empty(), "{} fail:\n{}", failures.len(), failures.join("\n"));
}
