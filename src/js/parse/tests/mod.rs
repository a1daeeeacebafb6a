//! Tests of the front end: where names lead, early errors, positions, goals.

mod errors;
mod print;
mod scopes;

use super::ast::*;
use super::{DynamicFunction, ParseOptions, SyntaxError, parse, parse_function};
use crate::base::sync::Arc;
use crate::js::source::SourceText;

fn source(text: &str) -> Arc<SourceText> {
    Arc::new(SourceText::from_utf8("test", text))
}

fn script(text: &str) -> Result<ParsedScript, SyntaxError> {
    parse(source(text), ParseOptions::Script)
}

fn printed(text: &str, options: ParseOptions) -> String {
    match parse(source(text), options) {
        Ok(script) => print::print(&script),
        Err(error) => error.to_string(),
    }
}

fn module(text: &str) -> Result<ModuleInfo, SyntaxError> {
    parse(source(text), ParseOptions::Module).map(|script| *script.module.expect("a module has its entries"))
}

#[test]
fn names_lead_where_they_should() {
    for (text, expected) in scopes::SCRIPTS {
        assert_eq!(printed(text, ParseOptions::Script), *expected, "{text}");
    }
}

#[test]
fn early_errors_are_found() {
    for (text, expected) in errors::SCRIPTS {
        assert_eq!(printed(text, ParseOptions::Script), *expected, "{text}");
    }
}

#[test]
fn a_tree_goes_to_any_thread() {
    fn any_thread<T: Send + Sync + 'static>() {}
    any_thread::<ParsedScript>();
    any_thread::<SourceText>();
}

#[test]
fn positions_are_in_code_units() {
    let error = script("'\u{e4}\u{20ac}\u{1f600}';\nlet a, a;").expect_err("a name twice");
    assert_eq!((error.offset, error.line, error.column), (15, 2, 8));
    let long = format!("/*{}*/ let a, a;", "\u{1f600}\u{e4}".repeat(100));
    let error = script(&long).expect_err("a name twice");
    assert_eq!(error.offset, 312);
    let parsed = script("/*\u{1f600}*/ function f() { return 1 } class A { static /* \u{e4} */ m() {} }").expect("valid");
    let text = |index: usize| {
        let (start, end) = parsed.functions[index].range;
        parsed.source.slice(start, end).to_utf8_lossy()
    };
    assert_eq!(text(1), "function f() { return 1 }");
    assert_eq!(text(2), "class A { static /* \u{e4} */ m() {} }");
    assert_eq!(text(3), "m() {}");
}

#[test]
fn lone_surrogates_survive() {
    let units: Vec<u16> = "'a".encode_utf16().chain([0xd800]).chain("\\ud801\\x41'; `".encode_utf16()).collect();
    let units: Vec<u16> = units.into_iter().chain([0xdc00]).chain("\\n`; '\\ud83d\\ude00'".encode_utf16()).collect();
    let parsed = parse(Arc::new(SourceText::from_units("test", &units)), ParseOptions::Script).expect("valid");
    let all: Vec<Vec<u16>> = parsed.strings.iter().map(|text| text.units().collect()).collect();
    assert!(all.contains(&vec![0x61, 0xd800, 0xd801, 0x41]));
    assert!(all.contains(&vec![0xdc00, 10]));
    assert!(all.contains(&vec![0xd83d, 0xde00]));
}

#[test]
fn eval_code_sees_what_is_around_it() {
    let method = EvalContext { in_function: true, super_property: true, ..EvalContext::default() };
    let direct = |context: &EvalContext, text: &str| printed(text, ParseOptions::DirectEval(context.clone()));
    assert_eq!(
        direct(&method, "super.x; this; y; var z"),
        "vars(z) | %function=dynamic this=dynamic this=dynamic y=dynamic z=dynamic"
    );
    assert_eq!(direct(&method, "new.target"), "| new.target=dynamic");
    assert_eq!(direct(&method, "function f() { super.x }"), "'super' keyword unexpected here (1:16)");
    assert_eq!(direct(&method, "super()"), "'super' keyword unexpected here (1:1)");
    assert_eq!(direct(&EvalContext::default(), "new.target"), "new.target expression is not allowed here (1:1)");
    let field = EvalContext { in_class_initializer: true, strict: true, ..method.clone() };
    assert!(direct(&field, "() => arguments").starts_with("'arguments' is not allowed"));
    assert_eq!(direct(&field, "with (a) {}"), "Strict mode code may not include a with statement (1:1)");
    let private = EvalContext { private_names: vec![Text::from_utf8("a")], ..method };
    assert_eq!(direct(&private, "this.#a"), "| this=dynamic #a=dynamic");
    assert!(direct(&private, "this.#b").starts_with("Private field '#b' must be declared"));
    assert_eq!(
        printed("let a; var b; a; b", ParseOptions::IndirectEval),
        "0Eval(a:Let=r) vars(b) | a=0.0 b=global a=0.0 b=global"
    );
}

#[test]
fn the_context_of_an_eval_is_that_of_its_scope() {
    let parsed =
        script("class A extends B { #p; constructor() { super(); () => { { eval('') } } } } function f() { eval('') } eval('')");
    let parsed = parsed.expect("valid");
    let scopes = eval_scopes(&parsed);
    let contexts: Vec<EvalContext> = scopes.iter().map(|&scope| EvalContext::of(&parsed, scope)).collect();
    let constructor = contexts.iter().find(|context| context.super_call).expect("the constructor's");
    assert!(constructor.strict && constructor.super_property && constructor.in_function);
    assert_eq!(constructor.private_names, vec![Text::from_utf8("p")]);
    assert!(contexts.iter().any(|context| context.in_function && !context.super_property && !context.strict));
    assert!(contexts.iter().any(|context| *context == EvalContext::default()));
}

/// The scopes of the direct evals, found in the tree's debugging form.
fn eval_scopes(script: &ParsedScript) -> Vec<ScopeId> {
    let tree = format!("{:?}", script.functions);
    let digits = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>();
    tree.split("eval_scope: Some(ScopeId(").skip(1).filter_map(|part| digits(part).parse().ok().map(ScopeId)).collect()
}

#[test]
fn functions_are_made_of_strings() {
    let make = |parameters: &str, body: &str| {
        let (parameters, body) = (Text::from_utf8(parameters), Text::from_utf8(body));
        parse_function("test", DynamicFunction::Normal, &parameters, &body)
    };
    let made = make("a, b", "return a + anonymous").expect("valid");
    assert_eq!(made.source.text().to_utf8_lossy(), "function anonymous(a, b\n) {\nreturn a + anonymous\n}");
    assert_eq!(print::print(&made), "1Function(a:Parameter=r b:Parameter=r) | a=1.0 b=1.1 a=1.0 anonymous=global");
    assert_eq!(made.functions[1].range, (0, made.source.len() as u32));
    assert!(make("a //", "return 1 //").is_ok());
    for (parameters, body) in [
        ("", "}), (function(){"),
        ("", "}; function(){"),
        ("a){ }) //", ""),
        ("/*", "*/){"),
        ("a = 1", "'use strict'"),
        ("", "super.x"),
    ] {
        assert!(make(parameters, body).is_err(), "{parameters} {body}");
    }
    let generator =
        parse_function("test", DynamicFunction::AsyncGenerator, &Text::from_utf8(""), &Text::from_utf8("yield await 1"));
    assert!(generator.is_ok_and(|made| made.functions[1].is_async && made.functions[1].is_generator));
}

#[test]
fn modules_have_entries() {
    let info = module(
        "import a, { b as c, 'x y' as d } from 'm'; import * as n from 'm' with { type: 'json' }; export { c, n, e as f };\
         export default 1; let e; export * from 'q'; export * as z from 'm'; await 0;",
    )
    .expect("valid");
    assert_eq!((info.requests.len(), info.imports.len(), info.star_exports.len()), (3, 4, 1));
    assert_eq!((info.local_exports.len(), info.indirect_exports.len()), (3, 2));
    assert!(info.has_top_level_await);
    assert!(!module("async () => await 0").expect("valid").has_top_level_await);
    for text in ["export { a };", "import { a } from 'm'; let a;", "export { a as b, a as b }; let a;", "await: ;", "<!-- a"] {
        assert!(module(text).is_err(), "{text}");
    }
    let imports = printed("import { a } from 'm'; a; () => a;", ParseOptions::Module);
    assert_eq!(imports, "0Module*!(a:Import=i0) | a=import0 a=import0");
}

#[test]
fn comments_like_html_and_hashbangs_are_comments() {
    assert!(script("#!/bin/js\n<!-- a\n1\n--> b").is_ok());
    let strict = EvalContext { strict: true, ..EvalContext::default() };
    assert!(parse(source("--> a\n1"), ParseOptions::DirectEval(strict.clone())).is_ok());
    assert!(parse(source("#!a\n1"), ParseOptions::DirectEval(strict)).is_ok());
}

#[test]
fn a_call_is_a_target_in_sloppy_code_only() {
    let text = "/*\u{e4}*/ f(a) = g; h()++; for (i() of j) ; (k(l() = 1)) += 2;";
    let expected = "| f=global a=global g=global h=global i=global j=global k=global l=global";
    assert_eq!(printed(text, ParseOptions::Script), expected);
    for text in
        ["'use strict'; f() = 1", "[f()] = 1", "[...f()] = 1", "({ a: f() } = 1)", "f() &&= 1", "f?.() = 1", "new f() = 1"]
    {
        assert!(script(text).is_err(), "{text}");
    }
    assert!(parse(source("f() = 1"), ParseOptions::Module).is_err());
}

#[test]
fn a_heritage_sees_the_outer_private_names() {
    let text = "class A { #x; static m(o) { class B extends o.#x { #x; n() { this.#x } } } }";
    let printed = printed(text, ParseOptions::Script);
    let names: Vec<&str> = printed.split(' ').filter(|name| name.starts_with("#x=")).collect();
    assert_eq!(names.len(), 4, "{printed}");
    assert_eq!(names[0], names[1], "the declaration and the heritage: {printed}");
    assert_eq!(names[2], names[3], "the inner declaration and its use: {printed}");
    assert_ne!(names[1], names[2], "{printed}");
}

#[test]
fn nesting_is_bounded() {
    for (open, inner, close) in [
        ("(", "1", ")"),
        ("[", "", "]"),
        ("{", "", "}"),
        ("!", "1", ""),
        ("a=>", "1", ""),
        ("1+", "1", ""),
        ("if(a){}else ", "{}", ""),
        ("`${", "1", "}`"),
        ("function f(){", "", "}"),
    ] {
        let text = |count: usize| format!("{}{inner}{}", open.repeat(count), close.repeat(count));
        assert!(script(&text(500)).is_ok(), "{open}");
        assert!(script(&text(100_000)).is_err_and(|error| error.message == "too deeply nested"), "{open}");
    }
    let flat = "a.b(c)\nlet_ = d + e\nif (f) { g() }\n".repeat(20_000);
    assert!(script(&flat).is_ok(), "statements side by side are not nested");
}
