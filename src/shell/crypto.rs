//! `crypto`: random bytes (Web Cryptography, §10.1).

use crate::js::cx::{Completion, Cx, Native};
use crate::js::local::{Args, Local};
use crate::shell::{define_functions, define_global};

/// The most bytes of one call, as the standard says.
const MAX_BYTES: usize = 65536;

/// Its functions.
pub(super) const FUNCTIONS: &[(&str, u32, Native)] = &[("getRandomValues", 1, get_random_values), ("randomUUID", 0, random_uuid)];

pub(super) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let crypto = cx.new_object()?;
    define_functions(&mut cx, crypto, FUNCTIONS)?;
    define_global(&mut cx, "crypto", crypto)
}

fn fill(bytes: &mut [u8]) -> Result<(), rustix::io::Errno> {
    let mut done = 0;
    while done < bytes.len() {
        done += rustix::rand::getrandom(&mut bytes[done..], rustix::rand::GetRandomFlags::empty())?;
    }
    Ok(())
}

fn get_random_values<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let view = cx.arg(args, 0);
    let Some(mut bytes) = cx.bytes_of_view(view) else {
        return Err(cx.type_error("The data argument must be an integer-type TypedArray"));
    };
    if bytes.len() > MAX_BYTES {
        return Err(cx.range_error("The requested length exceeds 65,536 bytes"));
    }
    if let Err(error) = fill(&mut bytes) {
        return Err(cx.type_error(&format!("no random bytes: {error}")));
    }
    cx.write_view(view, &bytes);
    Ok(view)
}

fn random_uuid<'s>(cx: &mut Cx<'s>, _: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let mut bytes = [0; 16];
    if let Err(error) = fill(&mut bytes) {
        return Err(cx.type_error(&format!("no random bytes: {error}")));
    }
    // Version 4, variant 1 (RFC 9562, §5.4).
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::new();
    for (nth, byte) in bytes.iter().enumerate() {
        if [4, 6, 8, 10].contains(&nth) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    cx.string(&text)
}
