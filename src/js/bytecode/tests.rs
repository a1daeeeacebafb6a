//! Source texts and what is generated of them; every function is checked.

use super::{ScriptCode, disassemble, verify};
use crate::base::sync::Arc;
use crate::js::parse::ast::FunctionId;
use crate::js::parse::{ParseOptions, parse};
use crate::js::source::SourceText;

fn compile(source: &str, options: ParseOptions) -> Arc<ScriptCode> {
    let parsed = parse(Arc::new(SourceText::from_utf8("test", source)), options).expect("the text is valid");
    let script = ScriptCode::new(parsed);
    for index in 0..script.parsed().functions.len() {
        let code = script.function(FunctionId(index as u32)).expect("the function is small");
        assert_eq!(verify(script.parsed(), code), Ok(()), "{source}\n{}", disassemble(script.parsed(), code));
    }
    script
}

/// The listing of the last function of the text, without numbers.
fn listing(source: &str) -> String {
    let script = compile(source, ParseOptions::Script);
    let last = script.parsed().functions.len() - 1;
    let code = script.function(FunctionId(last as u32)).expect("the function is small");
    disassemble(script.parsed(), code)
}

fn operations(source: &str) -> Vec<String> {
    listing(source).lines().map(|line| line.trim_start().split_once(' ').map_or("", |(_, rest)| rest).to_owned()).collect()
}

#[test]
fn arithmetic_goes_where_it_is_wanted() {
    assert_eq!(
        operations("function f(a, b) { return a + b * 2 }"),
        ["MultiplyInt r5 r3 2", "Add r4 r2 r5", "Return r4", "ReturnUndefined"]
    );
    assert_eq!(
        operations("function f(a) { a = a - 1; a++; a += 5 }"),
        ["SubtractInt r2 r2 1", "Increment r2 r2", "AddInt r2 r2 5", "ReturnUndefined"]
    );
}

#[test]
fn an_operand_is_kept_from_a_later_assignment() {
    assert_eq!(
        operations("function f(a) { return a + (a = 1) }"),
        ["Move r4 r2", "LoadInt r2 1", "Add r3 r4 r2", "Return r3", "ReturnUndefined"]
    );
}

#[test]
fn a_counting_loop_tests_at_the_bottom() {
    assert_eq!(
        operations("function f(n) { for (let i = 0; i < n; i++) n; }"),
        ["LoadInt r3 0", "Jump ->4", "Increment r3 r3", "LoopHint", "JumpIfLess r3 r2 ->2", "ReturnUndefined"]
    );
}

#[test]
fn conditions_are_jumps() {
    assert_eq!(
        operations("function f(a, b) { if (a === 1 && !b) return 2; }"),
        ["JumpIfStrictNotEqualInt r2 1 ->4", "JumpIfTrue r3 ->4", "LoadInt r4 2", "Return r4", "ReturnUndefined"]
    );
}

#[test]
fn a_method_call_has_its_object_as_this() {
    assert_eq!(
        operations("function f(o) { return o.m(1) }"),
        ["Move r5 r2", "GetNamed r4 r5 m", "LoadInt r6 1", "Call r3 r4.. 1", "Return r3", "ReturnUndefined"]
    );
}

#[test]
fn literals_are_made_at_once() {
    assert_eq!(
        operations("function f() { return {a: 1, b: [2]} }"),
        ["LoadInt r3 1", "LoadInt r5 2", "NewArrayOf r4 r5.. 1", "NewObjectOf r2 r3.. {a,b}", "Return r2", "ReturnUndefined"]
    );
}

#[test]
fn everything_is_generated() {
    const TEXTS: &[&str] = &[
        "var x = 1; let y = 2; const z = x + y; z",
        "for (const [a, {b = 1, ...c}] of [[1, {}]]) { if (a) continue; else break } ",
        "l: for (var k in {a: 1}) { try { continue l } finally { k = 2 } }",
        "function f() { try { return 1 } catch ({message}) { return 2 } finally { return 3 } }",
        "class A { #p = 1; static #q() {} static { this.x = 1 } get #g() { return 1 } m() { return #p in this && this.#p++ } }",
        "class A extends Object { constructor() { super(); } static name() {} ['a' + 1] = () => super.x; }",
        "class A extends null {}; new (class extends A { x = 1 });",
        "function* g() { const x = yield 1; try { yield* g() } finally { yield 2 } return 3 }",
        "async function f() { for await (const x of y) { await x; if (x) break } }",
        "async function* g() { yield 1; yield* [2]; return 3 }",
        "async () => { await using a = null; using b = null; await 1 }",
        "a?.b.c(1)?.[d]?.(2); delete a?.b; (a?.b)(); a.b`c${1}`",
        "with (a) { b(); c = 1; delete d; typeof e }",
        "function f(a, b = () => eval('a'), ...c) { var a; arguments; eval('var z'); return z }",
        "switch (x) { case 1: let a = 1; default: a; case y: break }",
        "a &&= b; a ||= function () {}; a.b ??= c; a[b] **= 2; a.b++; --a[b]; super_ = new.target_",
        "({__proto__: null, a() { return super.a }, get b() { return 1 }, set [c](d) {}, ...e, 1: 2})",
        "({a: b.c, [d]: e = 1, ...f} = g); [a.b, , c = 1, ...d[0]] = e",
        "`a${1}b${2}`; /a/g; 1n; `x`; void 0; import('a', {with: {}})",
        "{ function g() {} } if (1) function h() {}",
        "label: { break label } debugger; do { } while (x); while (y) z",
        "for (let i = 0; i < 3; i++) { (() => i)() }",
        "(function f() { f = 1; 'x'.length; return f })",
        "new Foo(...a, b); f(...a); [1, , ...b]; a.b(...c)",
    ];
    for text in TEXTS {
        let text = text.replace("new.target_", "1").replace("super_", "s");
        compile(&text, ParseOptions::Script);
    }
    compile(
        "import a, * as b from 'm'; export default class {} export {a}; export let c = await b; export * as d from 'm'",
        ParseOptions::Module,
    );
    compile("let a = 1; var b; function c() {} a", ParseOptions::IndirectEval);
}
