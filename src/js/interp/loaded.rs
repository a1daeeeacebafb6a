//! Scripts and functions in an isolate: things of the heap that own or belong to a script's bytecode.
//!
//! A *script thing* owns the `Arc` of the bytecode; a *function thing* refers to it, and a closure to its function thing: a script is freed when no closure,
//! frame or environment refers to it any more. Both are arrays of values, old from the start.

use crate::base::sync::Arc;
use crate::heap::{HeapRef, RootSource};
use crate::js::bytecode::{Constant, FunctionCode, ScriptCode};
use crate::js::class::{FIRST_FIELD, Thing};
use crate::js::cx::{Completion, Cx};
use crate::js::interp::cache::{SITE_NAME, SITE_WORDS};
use crate::js::local::{Key, Local};
use crate::js::parse::ast::{FunctionId, FunctionInfo, StringId, Text as SourceString};
use crate::js::string::Text;
use crate::js::value::Value;
use crate::layout::heap::FIELDS;

/// Words of a script thing: what owns the bytecode, its address, the atoms of its strings, import.meta's module; then the function things.
const SCRIPT_OWNER: u32 = 0;
const SCRIPT_ADDRESS: u32 = 1;
const SCRIPT_STRINGS: u32 = 2;
/// Whatever a module loader keeps with a script.
pub(in crate::js) const SCRIPT_HOST: u32 = 3;
const SCRIPT_FUNCTIONS: u32 = 4;

/// Words of a function thing.
pub(super) const FUNCTION_SCRIPT: u32 = 0;
pub(super) const FUNCTION_ID: u32 = 1;
/// Address of the code; zero before the first call.
pub(super) const FUNCTION_CODE: u32 = 2;
pub(super) const FUNCTION_INFO: u32 = 3;
pub(super) const FUNCTION_CONSTANTS: u32 = 4;
pub(super) const FUNCTION_SITES: u32 = 5;
/// Shapes of its closures and of their prototypes, from the first closure on.
pub(super) const FUNCTION_SHAPE: u32 = 6;
pub(super) const FUNCTION_PROTOTYPE_SHAPE: u32 = 7;
/// Shape of its arguments objects, from the first one on.
pub(super) const FUNCTION_ARGUMENTS_SHAPE: u32 = 8;
const FUNCTION_WORDS: u32 = 9;

/// Longer string constants are not interned.
const MAX_ATOM: usize = 256;

/// What a script thing owns.
struct Owner {
    /// For the script thing's address.
    _code: Arc<ScriptCode>,
}

/// A string of a script as the engine's strings take it.
pub(in crate::js) fn text(string: &SourceString) -> Text<'_> {
    match string {
        SourceString::Latin1(bytes) => Text::Latin1(bytes),
        SourceString::Utf16(units) => Text::Utf16(units),
    }
}

/// A word that holds an address: the upper 16 bits of one are zero, so it is a double to everyone else.
fn address<T>(of: &T) -> Value {
    Value::from_bits(std::ptr::from_ref(of) as u64)
}

impl<'s> Cx<'s> {
    /// An array of values that is old from the start.
    pub(super) fn old_values(&mut self, length: u32, fill: Value) -> Completion<HeapRef> {
        let ty = self.agent.types.thing(Thing::Values);
        let array = match self.agent.heap.allocate_old(ty, length) {
            Ok(array) => array,
            Err(error) => return Err(self.heap_error(error)),
        };
        if length != 0 {
            self.agent.heap.fill_slots(array, FIELDS, 8 * length, 3, u128::from(fill.bits()));
        }
        Ok(array)
    }

    /// Makes the script thing of bytecode.
    pub(in crate::js) fn load_script(&mut self, code: &Arc<ScriptCode>) -> Completion<Local<'s>> {
        let agent = &mut *self.agent;
        let roots: &mut dyn RootSource = &mut agent.roots;
        let owner = match agent.heap.allocate_host(Box::new(Owner { _code: Arc::clone(code) }), roots) {
            Ok(owner) => owner,
            Err(error) => return Err(self.heap_error(error)),
        };
        let owner = self.local(Value::object(owner));
        let functions = code.parsed().functions.len() as u32;
        let script = self.old_values(SCRIPT_FUNCTIONS + functions, Value::UNDEFINED)?;
        let strings = self.old_values(code.strings().len() as u32, Value::UNDEFINED)?;
        let owner = self.value(owner);
        self.write_value(script, SCRIPT_OWNER, owner);
        self.write_value(script, SCRIPT_ADDRESS, address(&**code));
        self.write_value(script, SCRIPT_STRINGS, Value::object(strings));
        Ok(self.local(Value::object(script)))
    }

    /// The bytecode of a script thing.
    pub(super) fn script_code(&self, script: HeapRef) -> &'s ScriptCode {
        let address = self.read_value(script, SCRIPT_ADDRESS).bits() as *const ScriptCode;
        // SAFETY: the script thing owns the `Arc` of it, and everyone who asks holds the script thing by a frame, an environment, a closure or a
        // local for as long as the reference is used: none is kept.
        unsafe { &*address }
    }

    /// The atom of a string of a script.
    pub(super) fn script_string(&mut self, script: HeapRef, id: StringId) -> Completion<Value> {
        let strings = self.read_value(script, SCRIPT_STRINGS).heap_ref();
        let known = self.read_value(strings, id.0);
        if !known.is_undefined() {
            return Ok(known);
        }
        let source = text(self.script_code(script).string(id));
        let atom = match self.agent.intern(source) {
            Ok(atom) => Value::string(atom),
            Err(error) => return Err(self.heap_error(error)),
        };
        self.write_value(strings, id.0, atom);
        Ok(atom)
    }

    /// The function thing of a function of a script.
    pub(in crate::js) fn function_thing(&mut self, script: HeapRef, id: FunctionId) -> Completion<HeapRef> {
        let place = SCRIPT_FUNCTIONS + id.0;
        if let Some(known) = self.read_value(script, place).reference() {
            return Ok(known);
        }
        let function = self.old_values(FUNCTION_WORDS, Value::UNDEFINED)?;
        let info = address(self.script_code(script).info(id));
        self.write_value(function, FUNCTION_SCRIPT, Value::object(script));
        self.write_value(function, FUNCTION_ID, Value::int(id.0.cast_signed()));
        self.write_value(function, FUNCTION_CODE, Value::from_bits(0));
        self.write_value(function, FUNCTION_INFO, info);
        self.write_value(script, place, Value::object(function));
        Ok(function)
    }

    /// The script thing of a function thing.
    pub(super) fn script_of(&self, function: HeapRef) -> HeapRef {
        self.read_value(function, FUNCTION_SCRIPT).heap_ref()
    }

    /// What the parser knows of the function of a function thing.
    pub(super) fn info_of(&self, function: HeapRef) -> &'s FunctionInfo {
        let address = self.read_value(function, FUNCTION_INFO).bits() as *const FunctionInfo;
        // SAFETY: as in `script_code`: it lies in the bytecode that the script thing owns.
        unsafe { &*address }
    }

    /// The code of a function thing, generated now if it was not called before.
    #[inline]
    pub(super) fn code_of(&mut self, function: HeapRef) -> Completion<&'s FunctionCode> {
        let address = self.read_value(function, FUNCTION_CODE).bits() as *const FunctionCode;
        if address.is_null() {
            return self.load_code(function);
        }
        // SAFETY: as in `script_code`; a function's code is never replaced.
        Ok(unsafe { &*address })
    }

    #[cold]
    fn load_code(&mut self, function: HeapRef) -> Completion<&'s FunctionCode> {
        let script = self.script_of(function);
        let id = FunctionId(self.read_value(function, FUNCTION_ID).as_int().unwrap_or(0).cast_unsigned());
        let code = match self.script_code(script).function(id) {
            Ok(code) => &**code,
            Err(error) => return Err(self.syntax_error(&error.to_string())),
        };
        let sites = self.old_values(SITE_WORDS * code.sites.len() as u32, Value::UNDEFINED)?;
        for (nth, site) in code.sites.iter().enumerate() {
            let name = self.script_string(script, site.name)?;
            self.write_value(sites, SITE_WORDS * nth as u32, name);
        }
        let constants = self.old_values(code.constants.len() as u32, Value::HOLE)?;
        self.write_value(function, FUNCTION_SITES, Value::object(sites));
        self.write_value(function, FUNCTION_CONSTANTS, Value::object(constants));
        for (nth, constant) in code.constants.iter().enumerate() {
            let value = match constant {
                Constant::Number(number) => Value::number(*number),
                Constant::String(id) if self.script_code(script).string(*id).len() <= MAX_ATOM => {
                    self.script_string(script, *id)?
                }
                Constant::String(id) => {
                    let mut cx = self.open();
                    let string = cx.string_of(text(cx.script_code(script).string(*id)))?;
                    cx.value(string)
                }
                Constant::BigInt(id) => {
                    let digits = self.script_code(script).string(*id).to_utf8_lossy();
                    let integer = digits.parse::<dashu_int::IBig>().unwrap_or_default();
                    let mut cx = self.open();
                    let bigint = cx.new_bigint(&integer)?;
                    cx.value(bigint)
                }
                _ => continue,
            };
            self.write_value(constants, nth as u32, value);
        }
        self.write_value(function, FUNCTION_CODE, address(code));
        Ok(code)
    }

    /// The name of a site, a string that is no index.
    pub(super) fn site_key(&mut self, function: HeapRef, site: u32) -> Key<'s> {
        let sites = self.read_value(function, FUNCTION_SITES).heap_ref();
        let name = self.read_value(sites, SITE_WORDS * site + SITE_NAME);
        Key::Name(self.local(name))
    }

    /// The function thing of a closure.
    pub(super) fn closure_function(&self, closure: Local<'_>) -> HeapRef {
        let bits = self.agent.heap.read_boxed(self.reference(closure), FIRST_FIELD);
        Value::from_bits(bits).heap_ref()
    }

    /// The source text of a closure, as `toString` gives it.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn closure_source(&mut self, closure: Local<'_>) -> Completion<Local<'s>> {
        let function = self.closure_function(closure);
        let (start, end) = self.info_of(function).range;
        let source = self.script_code(self.script_of(function)).source().slice(start, end);
        self.string_of(text(&source))
    }
}
