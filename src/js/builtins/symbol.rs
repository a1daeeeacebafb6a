//! Symbol (§20.4).
#![forbid(unsafe_code)]

use crate::js::builtins::install::Constructor;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::Attributes;
use crate::js::value::Value;

/// Makes the constructor, the prototype and the well-known symbols.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let described = Constructor {
        name: Name::Symbol,
        native: construct,
        length: 0,
        intrinsic: Intrinsic::Symbol,
        prototype: Intrinsic::SymbolPrototype,
    };
    let (constructor, prototype) = cx.install_constructor(described)?;
    cx.install_methods(constructor, &[(Name::r#for, 1, symbol_for), (Name::keyFor, 1, key_for)])?;
    for (name, symbol) in [
        (Name::asyncDispose, Name::sym_asyncDispose),
        (Name::asyncIterator, Name::sym_asyncIterator),
        (Name::dispose, Name::sym_dispose),
        (Name::hasInstance, Name::sym_hasInstance),
        (Name::isConcatSpreadable, Name::sym_isConcatSpreadable),
        (Name::iterator, Name::sym_iterator),
        (Name::r#match, Name::sym_match),
        (Name::matchAll, Name::sym_matchAll),
        (Name::replace, Name::sym_replace),
        (Name::search, Name::sym_search),
        (Name::species, Name::sym_species),
        (Name::split, Name::sym_split),
        (Name::toPrimitive, Name::sym_toPrimitive),
        (Name::toStringTag, Name::sym_toStringTag),
        (Name::unscopables, Name::sym_unscopables),
    ] {
        cx.install_constant(constructor, name, symbol.local())?;
    }
    cx.install_methods(prototype, &[(Name::toString, 0, to_string), (Name::valueOf, 0, value_of)])?;
    cx.install_getter(prototype, Name::description, description)?;
    let to_primitive = cx.new_native(value_of, Name::sym_toPrimitive.key(), 1, false)?;
    cx.define_data(prototype, Name::sym_toPrimitive.key(), to_primitive, Attributes::CONFIGURABLE)?;
    cx.install_tag(prototype, "Symbol")
}

/// Symbol ( \[ description \] ) (§20.4.1.1).
fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    if !args.new_target().is_undefined() {
        return Err(cx.type_error("Symbol is not a constructor"));
    }
    let description = match cx.arg(args, 0) {
        description if description.is_undefined() => description,
        description => cx.to_string(description)?,
    };
    cx.new_symbol(description)
}

/// Symbol.for ( key ) (§20.4.2.2).
fn symbol_for<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let text = cx.arg(args, 0);
    let text = cx.to_string(text)?;
    cx.flatten(text)?;
    let units = cx.text(text).to_vec();
    let atom = cx.atom(crate::js::string::Text::Utf16(&units))?;
    let number = cx.reference(atom).bits();
    if let Some(&known) = cx.agent.roots.registry.get(&number) {
        return Ok(cx.local(Value::symbol(known)));
    }
    let symbol = cx.new_symbol(atom)?;
    let reference = cx.reference(symbol);
    cx.agent.roots.registry.insert(number, reference);
    Ok(symbol)
}

/// Symbol.keyFor ( sym ) (§20.4.2.6).
fn key_for<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let symbol = cx.arg(args, 0);
    if !symbol.is_symbol() {
        let text = cx.display(symbol);
        return Err(cx.type_error(&format!("{text} is not a symbol")));
    }
    if cx.is_registered(symbol) { Ok(cx.symbol_description(symbol)) } else { Ok(Local::UNDEFINED) }
}

impl Cx<'_> {
    /// Whether a symbol is in the global registry: KeyForSymbol (§20.4.5.1) is not undefined.
    pub(in crate::js) fn is_registered(&mut self, symbol: Local<'_>) -> bool {
        let mut cx = self.open();
        let description = cx.symbol_description(symbol);
        if !description.is_string() {
            return false;
        }
        let number = cx.reference(description).bits();
        cx.agent.roots.registry.get(&number) == Some(&cx.reference(symbol))
    }
}

/// ThisSymbolValue (§20.4.3.4).
fn this_symbol<'s>(cx: &mut Cx<'s>, this: Local<'s>, method: &str) -> Completion<Local<'s>> {
    if this.is_symbol() {
        return Ok(this);
    }
    if cx.is(this, Class::Symbol) {
        return Ok(cx.field(this, 0));
    }
    Err(cx.type_error(&format!("{method} requires that 'this' be a Symbol")))
}

/// get Symbol.prototype.description (§20.4.3.2).
fn description<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let symbol = this_symbol(cx, this, "Symbol.prototype.description")?;
    Ok(cx.symbol_description(symbol))
}

/// Symbol.prototype.toString ( ) (§20.4.3.3).
fn to_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let symbol = this_symbol(cx, this, "Symbol.prototype.toString")?;
    // SymbolDescriptiveString (§20.4.3.3.1)
    let description = cx.symbol_description(symbol);
    let open = cx.string("Symbol(")?;
    let text = if description.is_string() { cx.concat(open, description)? } else { open };
    let close = cx.string(")")?;
    cx.concat(text, close)
}

/// Symbol.prototype.valueOf ( ) (§20.4.3.4), Symbol.prototype \[ %Symbol.toPrimitive% \] ( hint ) (§20.4.3.5).
fn value_of<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    this_symbol(cx, this, "Symbol.prototype.valueOf")
}
