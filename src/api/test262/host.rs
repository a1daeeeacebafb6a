//! What a test finds around the language: `$262` and `print`.

use std::path::{Path, PathBuf};

use super::metadata::Phase;
use crate::base::sync::{Arc, Mutex};
use crate::js::builtins::promise::PromiseState;
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::host::{Host, ModuleText};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::module::compile_module;
use crate::js::object::Attributes;
use crate::js::script::compile_script;
use crate::js::source::SourceText;

/// What `print` printed.
#[derive(Debug, Clone, Default)]
pub(super) struct Printed(Arc<Mutex<Vec<String>>>);

impl Printed {
    /// The first line with which an asynchronous test says how it ended.
    pub fn first_verdict(&self) -> Option<String> {
        self.0.lock().iter().find(|line| line.starts_with("Test262:")).cloned()
    }
}

/// The host of one test.
pub(super) struct TestHost {
    printed: Printed,
    file: PathBuf,
}

impl TestHost {
    pub fn new(printed: Printed, file: &Path) -> Self {
        TestHost { printed, file: file.to_owned() }
    }
}

impl Host for TestHost {
    fn resolve_module(&mut self, referrer: Option<&str>, specifier: &str) -> Result<String, String> {
        let from = referrer.map(PathBuf::from).filter(|path| path.is_absolute()).unwrap_or_else(|| self.file.clone());
        let place = from.parent().unwrap_or(&from).join(specifier);
        let place = place.canonicalize().map_err(|error| format!("{specifier}: {error}"))?;
        Ok(place.to_string_lossy().into_owned())
    }

    fn load_module(&mut self, place: &str, kind: &str) -> Result<ModuleText, String> {
        let text = std::fs::read_to_string(place).map_err(|error| format!("{place}: {error}"))?;
        match kind {
            "" => Ok(ModuleText::JavaScript(SourceText::from_utf8(place, &text))),
            "json" => Ok(ModuleText::Json(text)),
            "text" => Ok(ModuleText::Text(text)),
            kind => Err(format!("modules of type {kind} are not loaded")),
        }
    }

    fn print(&mut self, text: &str) {
        self.printed.0.lock().push(text.to_owned());
    }
}

/// Puts `$262` and `print` into the current realm.
pub(super) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let global = cx.global();
    let print_key = cx.key("print")?;
    let print = cx.new_native(print, print_key, 1, false)?;
    cx.define_data(global, print_key, print, Attributes::HIDDEN)?;
    let host = make_host(&mut cx)?;
    let key = cx.key("$262")?;
    cx.define_data(global, key, host, Attributes::HIDDEN)
}

/// `$262` of the current realm.
fn make_host<'s>(cx: &mut Cx<'s>) -> Completion<Local<'s>> {
    let host = cx.new_object()?;
    for (name, length, native) in [
        ("createRealm", 0, create_realm as crate::js::cx::Native),
        ("detachArrayBuffer", 1, detach_array_buffer),
        ("evalScript", 1, eval_script),
        ("gc", 0, gc),
    ] {
        let key = cx.key(name)?;
        let function = cx.new_native(native, key, length, false)?;
        cx.define_data(host, key, function, Attributes::HIDDEN)?;
    }
    let key = cx.key("global")?;
    let global = cx.intrinsic(Intrinsic::GlobalThis);
    cx.define_data(host, key, global, Attributes::HIDDEN)?;
    let key = cx.key("AbstractModuleSource")?;
    cx.define_data(host, key, Local::UNDEFINED, Attributes::HIDDEN)?;
    Ok(host)
}

fn print<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let text = cx.arg(args, 0);
    let text = cx.to_rust_text(text)?;
    cx.print(&text);
    Ok(Local::UNDEFINED)
}

fn create_realm<'s>(cx: &mut Cx<'s>, _: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let realm = cx.create_realm()?;
    let slot = cx.root(Local::UNDEFINED);
    cx.in_realm(realm, |inner| {
        install(inner)?;
        let key = inner.key("$262")?;
        let global = inner.global();
        let host = inner.get(global, key)?;
        inner.set_root(slot, host);
        Ok(())
    })?;
    Ok(cx.get_root(slot))
}

fn detach_array_buffer<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let buffer = cx.arg(args, 0);
    cx.detach_array_buffer(buffer)?;
    Ok(Local::NULL)
}

fn eval_script<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let source = cx.arg(args, 0);
    let source = cx.to_string(source)?;
    let units = cx.code_units(source)?;
    match compile_script(SourceText::from_units("evalScript", &units)) {
        Ok(script) => cx.run_script(&script),
        Err(error) => Err(cx.syntax_error(&error.message)),
    }
}

fn gc<'s>(cx: &mut Cx<'s>, _: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    cx.collect_garbage();
    Ok(Local::UNDEFINED)
}

/// Runs a test that is a module. What it waits for is done by jobs.
pub(super) fn run_module(cx: &mut Cx<'_>, file: &Path, source: &str) -> Result<(), (Phase, Thrown)> {
    let mut cx = cx.open();
    let place = file.canonicalize().unwrap_or_else(|_| file.to_owned()).to_string_lossy().into_owned();
    let code = match compile_module(SourceText::from_utf8(&place, source)) {
        Ok(code) => code,
        Err(error) => return Err((Phase::Parse, cx.syntax_error(&error.message))),
    };
    let id = cx.add_source_module(&place, code);
    cx.load_requested(id).map_err(|thrown| (Phase::Resolution, thrown))?;
    cx.link_module(id).map_err(|thrown| (Phase::Resolution, thrown))?;
    let promise = cx.evaluate_module(id).map_err(|thrown| (Phase::Runtime, thrown))?;
    cx.run_jobs().map_err(|thrown| (Phase::Runtime, thrown))?;
    if cx.promise_state(promise) == PromiseState::Rejected {
        let error = cx.promise_result(promise);
        return Err((Phase::Runtime, cx.throw(error)));
    }
    Ok(())
}

/// What is left when there are no more jobs: nothing may have gone wrong in between.
pub(super) fn after_jobs(cx: &mut Cx<'_>) -> Completion<()> {
    cx.poll()
}
