//! String (§22.1).
//!
//! | file | what |
//! |---|---|
//! | `construct` | the constructor, `fromCharCode`, `fromCodePoint`, `raw` |
//! | `search` | what looks for something |
//! | `make` | what makes other strings |
//! | `case` | upper and lower case, normalization, well-formedness |
//! | `pattern` | what hands over to regular expressions, and `split` and `replace` of strings |
//! | `html` | annex B's markup |
//! | `iterator` | %StringIteratorPrototype% |
#![forbid(unsafe_code)]

mod case;
mod construct;
mod html;
mod iterator;
mod make;
pub(in crate::js) mod pattern;
mod search;

use crate::js::builtins::install::Constructor;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx, Native};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::Local;
use crate::js::names::Name;
use crate::js::object::Attributes;

/// Makes the constructor and the prototype, which is a String object itself.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let described = Constructor {
        name: Name::String,
        native: construct::construct,
        length: 1,
        intrinsic: Intrinsic::String,
        prototype: Intrinsic::StringPrototype,
    };
    let parent = cx.intrinsic(Intrinsic::FunctionPrototype);
    let prototype = cx.make_of(Class::String, Intrinsic::ObjectPrototype)?;
    cx.set_field(prototype, 0, Name::empty.local());
    let (constructor, prototype) = cx.install_constructor_with(described, parent, prototype)?;
    let table: &[(Name, u32, Native)] = &[
        (Name::fromCharCode, 1, construct::from_char_code),
        (Name::fromCodePoint, 1, construct::from_code_point),
        (Name::raw, 1, construct::raw),
    ];
    cx.install_methods(constructor, table)?;
    let table: &[(Name, u32, Native)] = &[
        (Name::at, 1, search::at),
        (Name::charAt, 1, search::char_at),
        (Name::charCodeAt, 1, search::char_code_at),
        (Name::codePointAt, 1, search::code_point_at),
        (Name::concat, 1, make::concat),
        (Name::endsWith, 1, search::ends_with),
        (Name::includes, 1, search::includes),
        (Name::indexOf, 1, search::index_of),
        (Name::isWellFormed, 0, case::is_well_formed),
        (Name::lastIndexOf, 1, search::last_index_of),
        (Name::localeCompare, 1, case::locale_compare),
        (Name::r#match, 1, pattern::r#match),
        (Name::matchAll, 1, pattern::match_all),
        (Name::normalize, 0, case::normalize),
        (Name::padEnd, 1, make::pad_end),
        (Name::padStart, 1, make::pad_start),
        (Name::repeat, 1, make::repeat),
        (Name::replace, 2, pattern::replace),
        (Name::replaceAll, 2, pattern::replace_all),
        (Name::search, 1, pattern::search),
        (Name::slice, 2, make::slice),
        (Name::split, 2, pattern::split),
        (Name::startsWith, 1, search::starts_with),
        (Name::substr, 2, make::substr),
        (Name::substring, 2, make::substring),
        (Name::toLocaleLowerCase, 0, case::to_lower_case),
        (Name::toLocaleUpperCase, 0, case::to_upper_case),
        (Name::toLowerCase, 0, case::to_lower_case),
        (Name::toString, 0, construct::value_of),
        (Name::toUpperCase, 0, case::to_upper_case),
        (Name::toWellFormed, 0, case::to_well_formed),
        (Name::trim, 0, make::trim),
        (Name::trimEnd, 0, make::trim_end),
        (Name::trimStart, 0, make::trim_start),
        (Name::valueOf, 0, construct::value_of),
    ];
    cx.install_methods(prototype, table)?;
    for (alias, name) in [(Name::trimLeft, Name::trimStart), (Name::trimRight, Name::trimEnd)] {
        let function = cx.get(prototype, name.key())?;
        cx.define_data(prototype, alias.key(), function, Attributes::HIDDEN)?;
    }
    html::install(&mut cx, prototype)?;
    iterator::install(&mut cx, prototype)
}

/// 1. and 2. of most methods: RequireObjectCoercible, ToString.
fn this_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, method: &str) -> Completion<Local<'s>> {
    if this.is_string() {
        return Ok(this);
    }
    if this.is_nullish() {
        return Err(cx.type_error(&format!("String.prototype.{method} called on null or undefined")));
    }
    cx.to_string(this)
}
