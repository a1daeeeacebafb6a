//! FinalizationRegistry (§26.2).
//!
//! The heap holds a registration for each cell: when a target is dead, the cell comes back from it, and a job calls the registry's function. A
//! cell knows its registry weakly, so a registry that nobody has any more calls nothing. The registry lists its cells for `unregister`.
#![forbid(unsafe_code)]

use crate::js::builtins::collections::weak::check_weak;
use crate::js::builtins::collections::{check, check_callable, check_new};
use crate::js::builtins::install::Constructor;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::elements::Elements;
use crate::js::value::Value;

/// Internal slots of a registry: its function, its cells.
const CLEANUP: u32 = 0;
const CELLS: u32 = 1;

/// Words of a cell: a weak cell with the registry, [[HeldValue]], a weak cell with [[UnregisterToken]], the heap's number for it.
const REGISTRY: u32 = 0;
const HELD: u32 = 1;
const TOKEN: u32 = 2;
const NUMBER: u32 = 3;
const CELL_WORDS: u32 = 4;

/// Makes the constructor and its prototype.
pub(super) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let (_, prototype) = cx.install_constructor(Constructor {
        name: Name::FinalizationRegistry,
        native: construct,
        length: 1,
        intrinsic: Intrinsic::FinalizationRegistry,
        prototype: Intrinsic::FinalizationRegistryPrototype,
    })?;
    cx.install_methods(prototype, &[(Name::register, 2, register), (Name::unregister, 1, unregister)])?;
    cx.install_tag(prototype, "FinalizationRegistry")
}

/// FinalizationRegistry (§26.2.1.1).
fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. and 2.
    check_new(cx, args, "FinalizationRegistry")?;
    let cleanup = cx.arg(args, 0);
    check_callable(cx, cleanup)?;
    // 3. to 8.
    let prototype = Intrinsic::FinalizationRegistryPrototype;
    let registry = cx.create_from_constructor(Class::FinalizationRegistry, args.new_target(), prototype)?;
    cx.set_field(registry, CLEANUP, cleanup);
    let cells = cx.new_array(0)?;
    cx.set_field(registry, CELLS, cells);
    Ok(registry)
}

/// FinalizationRegistry.prototype.register (§26.2.3.2).
fn register<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. and 2.
    check(cx, this, Class::FinalizationRegistry, "register")?;
    // 3. to 5.
    let (target, held, token) = (cx.arg(args, 0), cx.arg(args, 1), cx.arg(args, 2));
    check_weak(cx, target, "Invalid value used as target of a FinalizationRegistry")?;
    if cx.same_value(target, held) {
        return Err(cx.type_error("FinalizationRegistry.prototype.register: target and holdings must not be same"));
    }
    if !token.is_undefined() {
        check_weak(cx, token, "Invalid value used as unregister token")?;
    }
    // 6. and 7.
    let cell = cx.allocate_values(CELL_WORDS, Value::UNDEFINED)?;
    let cell = cx.local(Value::object(cell));
    let registry = cx.weak_cell(this)?;
    let (words, value) = (cx.reference(cell), cx.value(held));
    cx.write_value(words, REGISTRY, Value::object(registry));
    cx.write_value(words, HELD, value);
    if !token.is_undefined() {
        let token = cx.weak_cell(token)?;
        let words = cx.reference(cell);
        cx.write_value(words, TOKEN, Value::object(token));
        let cells = cx.field(this, CELLS);
        cx.array_push(cells, cell)?;
    }
    cx.agent.finalization_count = cx.agent.finalization_count.wrapping_add(1);
    let number = cx.agent.finalization_count;
    let (words, target) = (cx.reference(cell), cx.reference(target));
    cx.write_value(words, NUMBER, Value::int(number.cast_signed()));
    cx.agent.heap.register_finalization(target, Value::object(words).bits(), number);
    Ok(Local::UNDEFINED)
}

/// FinalizationRegistry.prototype.unregister (§26.2.3.3).
fn unregister<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. to 3.
    check(cx, this, Class::FinalizationRegistry, "unregister")?;
    let token = cx.arg(args, 0);
    check_weak(cx, token, "Invalid value used as unregister token")?;
    // 4. to 6.
    let wanted = cx.value(token);
    let removed = remove_cells(cx, this, |cx, cell| {
        let token = cx.read_value(cell.heap_ref(), TOKEN).reference().map(|cell| cx.weak_target(cell));
        let is_wanted = token == Some(wanted);
        if is_wanted {
            let number = cx.read_value(cell.heap_ref(), NUMBER).as_int().unwrap_or(0);
            cx.agent.heap.unregister_finalization(number.cast_unsigned());
        }
        is_wanted
    });
    Ok(Local::bool(removed))
}

/// Takes cells out of a registry's list. It allocates nothing. Whether there was one.
fn remove_cells<'s>(cx: &mut Cx<'s>, registry: Local<'s>, is_wanted: impl Fn(&mut Cx<'s>, Value) -> bool) -> bool {
    let cells = cx.field(registry, CELLS);
    let Elements::Dense(elements, _) = cx.elements(cx.reference(cells)) else { return false };
    let (length, mut kept) = (cx.array_length(cells), 0);
    for nth in 0..length {
        let cell = cx.read_value(elements, nth);
        if !is_wanted(cx, cell) {
            cx.write_value(elements, kept, cell);
            kept += 1;
        }
    }
    cx.clear_elements(elements, kept, length);
    cx.set_array_length(cells, kept);
    kept != length
}

impl<'s> Cx<'s> {
    /// HostEnqueueFinalizationRegistryCleanupJob (§9.9.4.1): makes jobs for what collections have found dead. Whether there was any.
    pub(in crate::js) fn enqueue_finalizations(&mut self) -> bool {
        let mut has_any = false;
        while let Some(finalized) = self.agent.heap.next_finalized() {
            let mut cx = self.open();
            let cell = cx.local(Value::from_bits(finalized.held));
            let registry = cx.read_value(cx.reference(cell), REGISTRY).heap_ref();
            let registry = cx.weak_target(registry);
            if registry.is_undefined() {
                continue;
            }
            let registry = cx.local(registry);
            cx.enqueue_job(clean_up, [registry, cell, Local::UNDEFINED, Local::UNDEFINED, Local::UNDEFINED]);
            has_any = true;
        }
        has_any
    }
}

/// CleanupFinalizationRegistry (§9.12), for one cell.
fn clean_up<'s>(cx: &mut Cx<'s>, values: [Local<'s>; 5]) -> Completion<()> {
    let [registry, cell, ..] = values;
    let ours = cx.value(cell);
    // Only cells with a token are listed.
    if !cx.read_value(ours.heap_ref(), TOKEN).is_undefined() {
        remove_cells(cx, registry, |_, other| other == ours);
    }
    let held = cx.read_value(cx.reference(cell), HELD);
    let held = cx.local(held);
    let cleanup = cx.field(registry, CLEANUP);
    cx.call(cleanup, Local::UNDEFINED, &[held])?;
    Ok(())
}
