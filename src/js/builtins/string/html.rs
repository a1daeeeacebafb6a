//! CreateHTML and its methods (§B.2.2.2).
#![forbid(unsafe_code)]

use super::this_string;
use crate::js::cx::{Completion, Cx, Native};
use crate::js::local::{Args, Local};
use crate::js::names::Name;

/// CreateHTML (§B.2.2.2.1).
fn create<'s>(
    cx: &mut Cx<'s>,
    this: Local<'s>,
    args: Args<'s>,
    method: &str,
    tag: &str,
    attribute: &str,
) -> Completion<Local<'s>> {
    let string = this_string(cx, this, method)?;
    let mut open = cx.string(&format!("<{tag}"))?;
    if !attribute.is_empty() {
        let value = cx.to_string(cx.arg(args, 0))?;
        let quote = u16::from(b'"');
        let escaped: Vec<u16> = cx
            .code_units(value)?
            .into_iter()
            .flat_map(|unit| if unit == quote { "&quot;".encode_utf16().collect::<Vec<u16>>() } else { vec![unit] })
            .collect();
        let escaped = cx.string_utf16(&escaped)?;
        let before = cx.string(&format!(" {attribute}=\""))?;
        open = cx.concat(open, before)?;
        open = cx.concat(open, escaped)?;
        let after = cx.string("\"")?;
        open = cx.concat(open, after)?;
    }
    let bracket = cx.string(">")?;
    open = cx.concat(open, bracket)?;
    open = cx.concat(open, string)?;
    let close = cx.string(&format!("</{tag}>"))?;
    cx.concat(open, close)
}

macro_rules! methods {
    ($($function:ident $name:literal $tag:literal $attribute:literal;)*) => {
        $(fn $function<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
            create(cx, this, args, $name, $tag, $attribute)
        })*
    };
}

methods! {
    anchor "anchor" "a" "name";
    big "big" "big" "";
    blink "blink" "blink" "";
    bold "bold" "b" "";
    fixed "fixed" "tt" "";
    fontcolor "fontcolor" "font" "color";
    fontsize "fontsize" "font" "size";
    italics "italics" "i" "";
    link "link" "a" "href";
    small "small" "small" "";
    strike "strike" "strike" "";
    sub "sub" "sub" "";
    sup "sup" "sup" "";
}

/// Adds the methods to the prototype.
pub(super) fn install<'s>(cx: &mut Cx<'s>, prototype: Local<'s>) -> Completion<()> {
    let table: &[(Name, u32, Native)] = &[
        (Name::anchor, 1, anchor),
        (Name::big, 0, big),
        (Name::blink, 0, blink),
        (Name::bold, 0, bold),
        (Name::fixed, 0, fixed),
        (Name::fontcolor, 1, fontcolor),
        (Name::fontsize, 1, fontsize),
        (Name::italics, 0, italics),
        (Name::link, 1, link),
        (Name::small, 0, small),
        (Name::strike, 0, strike),
        (Name::sub, 0, sub),
        (Name::sup, 0, sup),
    ];
    cx.install_methods(prototype, table)
}
