//! Exceptions: tags, the objects that are thrown, and the search for who catches them.
//!
//! *Problem.* An exception leaves any number of guest frames, and no frame of Rust may be skipped. *Idea.* Generated code throws by
//! calling a builtin, a host function by returning an error. While the thrower's stub waits, the runtime walks the guest frames
//! of the activation and asks the registry of each return address whether its call has a handler. If one has, the isolate block
//! gets handler, stack and frame pointer and the exception, and the stub, to which everything in Rust has returned, jumps there.
//! A handler relies on the registers that calls preserve, as code behind the call does: the walk notes where the frames that
//! are left have saved them, and the stub loads them from there.
//! If none has, the activation is left as by a trap, and the error that the caller in Rust gets holds the exception; a host
//! function that returns that error throws again.
//!
//! Code outside of handlers does nothing for any of this; throwing costs a look-up for each frame.

use std::{fmt, ptr};

use smallvec::SmallVec;

use crate::abi::exception::{EXCEPTION_TAG, ExceptionLayout, payload_bytes};
use crate::code::registry::{self, Unwinding};
use crate::heap::{HeapRef, NO_CLIENT, SlotKind, TypeDesc};
use crate::layout::block::ActivationWords;
use crate::runtime::backtrace;
use crate::runtime::error::{CallError, ResourceError};
use crate::runtime::liveness::Owned;
use crate::runtime::partner::heap_of;
use crate::runtime::rooted::Root;
use crate::runtime::store::Store;
use crate::runtime::stubs::{HANDLED, LEFT};
use crate::runtime::trap::{HostError, Raised, Trap};
use crate::runtime::value::{ExnRef, Tag, Val};
use crate::wasm::canonical::TypeHandle;
use crate::wasm::types::{HeapType, ValType};

/// A tag.
#[derive(Debug)]
pub struct TagObject {
    pub(crate) ty: TypeHandle,
    /// What tells it from others in generated code and in exceptions: an entry of the function table, which exceptions keep alive.
    pub(crate) identity: u32,
    layout: ExceptionLayout,
}

/// What a host function returns to throw an exception: guests can catch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thrown(pub ExnRef);

impl fmt::Display for Thrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an exception was thrown")
    }
}

impl std::error::Error for Thrown {}

impl Store {
    /// A new tag.
    pub(crate) fn new_tag(&mut self, ty: TypeHandle) -> Result<u32, ResourceError> {
        let func = ty.as_func().ok_or_else(|| ResourceError("a tag is of a function type".into()))?;
        let layout = ExceptionLayout::new(&func.params);
        let index = self.tags.insert(TagObject { ty, identity: 0, layout })?;
        self.tags[index as usize].identity = self.func_table.add_identity(Owned::Tag(index))?;
        Ok(index)
    }

    /// How many values exceptions of a tag carry.
    pub(crate) fn payload_count(&self, tag: u32) -> usize {
        self.tags[tag as usize].layout.fields.len()
    }

    /// A new exception with the bits of its payload.
    pub(crate) fn new_exception(&mut self, tag: u32, payload: &[u128]) -> Result<HeapRef, ResourceError> {
        let scope = self.roots.len();
        let made = self.new_exception_in_scope(tag, payload);
        self.roots.truncate(scope);
        made
    }

    fn new_exception_in_scope(&mut self, tag: u32, payload: &[u128]) -> Result<HeapRef, ResourceError> {
        let descriptor = self.exception_descriptor(tag)?;
        let layout = &self.tags[tag as usize].layout;
        debug_assert_eq!(payload.len(), layout.fields.len());
        // The allocation may move what the payload refers to.
        let mut moved: SmallVec<[Root; 2]> = SmallVec::new();
        for (field, &bits) in layout.fields.iter().zip(payload) {
            if slot_kind(field.ty) == SlotKind::Ref {
                moved.push(self.roots.add(HeapRef::from_bits(bits as u32)));
            }
        }
        let made = self.with_heap(|heap, roots| heap.allocate(descriptor, roots))?;
        let exception = made.map_err(|error| ResourceError(error.to_string()))?;
        let (heap, tag) = (heap_of(&mut self.heap, &mut self.partner), &self.tags[tag as usize]);
        let (Some(heap), TagObject { layout, identity, .. }) = (heap, tag) else {
            return Ok(exception);
        };
        heap.write_u32(exception, EXCEPTION_TAG, *identity);
        let mut moved = moved.into_iter();
        for (field, &bits) in layout.fields.iter().zip(payload) {
            match slot_kind(field.ty) {
                SlotKind::Ref => {
                    let reference = moved.next().and_then(|root| self.roots.get(root));
                    heap.write_ref(exception, field.offset, reference.unwrap_or(HeapRef::from_bits(0)));
                }
                _ => heap.write_data(exception, field.offset, &bits.to_le_bytes()[..payload_bytes(field.ty) as usize]),
            }
        }
        Ok(exception)
    }

    /// The descriptor of a tag's exceptions: one for each type, since descriptors stay for ever.
    fn exception_descriptor(&mut self, tag: u32) -> Result<crate::heap::DescriptorRef, ResourceError> {
        let TagObject { ty, layout, .. } = &self.tags[tag as usize];
        let (id, ty) = (ty.id(), ty.clone());
        if let Some(&known) = self.exception_types.get(&id) {
            return Ok(known);
        }
        let payload = layout.fields.iter().map(|field| (field.offset, slot_kind(field.ty)));
        let slots: Vec<(u32, SlotKind)> = std::iter::once((EXCEPTION_TAG, SlotKind::Func)).chain(payload).collect();
        let fixed_bytes = layout.fixed_bytes;
        let made = self.with_heap(|heap, _| heap.add_type(&TypeDesc::fixed(fixed_bytes, &slots).client(NO_CLIENT)))?;
        let descriptor = made.map_err(|error| ResourceError(error.to_string()))?;
        // The tag may go; what is known of its type stays.
        self.kept_types.entry(id).or_insert(ty);
        self.exception_types.insert(id, descriptor);
        Ok(descriptor)
    }

    /// Throws from the guest frame that has left for a builtin or a host function; the answer is for its stub. An exception that the
    /// guest does not catch takes the host function's error along, if it came in one.
    pub(crate) fn throw(&mut self, exception: HeapRef, carrier: Option<HostError>) -> u32 {
        let ActivationWords { exit_pc: pc, exit_fp: fp, entry_fp, .. } = self.block.activation;
        let mut found = None;
        let mut saves = self.block.handler_registers.each_ref().map(|register| ptr::from_ref(register).expose_provenance());
        // SAFETY: the guest's innermost frame has called and waits; its chain leads to the entry frame. Its code is on the stack.
        unsafe {
            backtrace::walk_frames(pc, fp, entry_fp, |pc, fp| {
                match registry::unwinding(pc) {
                    Some(Unwinding::Caught(handler)) => found = Some((handler, pc, fp)),
                    Some(Unwinding::Left(saved)) => {
                        saved.places().for_each(|(register, below_fp)| saves[register] = fp - below_fp as usize);
                    }
                    None => {}
                }
                found.is_none()
            });
        }
        let Some((handler, return_address, fp)) = found else {
            self.exception = exception;
            self.raise(Raised::Exception(carrier));
            return LEFT;
        };
        self.block.handler_pc = handler.pc;
        self.block.handler_fp = fp;
        self.block.handler_sp = fp - handler.frame_bytes as usize;
        self.block.handler_exception = exception.bits() as usize;
        self.block.handler_saves = saves;
        if handler.pc == return_address {
            self.block.returned_exception = exception.bits() as usize;
        }
        HANDLED
    }

    /// The exception that a host function's error stands for: it returned [`Thrown`], or what a call of a guest gave it.
    pub(crate) fn thrown(&self, error: &HostError) -> Option<HeapRef> {
        let exception = match (error.downcast_ref::<Thrown>(), error.downcast_ref::<Trap>(), error.downcast_ref::<CallError>()) {
            (Some(&Thrown(exception)), ..) => exception,
            (_, Some(trap), _) | (.., Some(CallError::Trap(trap))) => trap.exception()?,
            _ => return None,
        };
        self.exception_of(exception)
    }

    /// What a handle names, if it is one of this store.
    fn exception_of(&self, exception: ExnRef) -> Option<HeapRef> {
        if exception.store == self.id { self.roots.get(exception.root) } else { None }
    }

    /// The exception that left the activation, as a handle.
    pub(crate) fn take_exception(&mut self) -> ExnRef {
        let exception = std::mem::replace(&mut self.exception, HeapRef::from_bits(0));
        ExnRef { store: self.id, root: self.roots.add(exception) }
    }

    /// A new exception of the host's.
    pub(crate) fn exception_with(&mut self, tag: Tag, payload: &[Val]) -> Result<ExnRef, ResourceError> {
        let object = self.tags.find(tag.key).filter(|_| tag.store == self.id);
        let object = object.ok_or_else(|| ResourceError("a tag of another isolate, or of a scope that has ended".into()))?;
        let params = object.ty.as_func().map_or(&[][..], |func| &func.params);
        let fits = params.len() == payload.len()
            && payload.iter().zip(params).all(|(value, &ty)| !value.is_foreign(self) && self.is_instance(value, ty));
        if !fits {
            let found: Vec<ValType> = payload.iter().map(Val::ty).collect();
            return Err(ResourceError(format!("an exception of a tag of type {} cannot carry {found:?}", object.ty.ty())));
        }
        let bits: SmallVec<[u128; 4]> = payload.iter().map(|value| value.to_bits(self)).collect();
        let exception = self.new_exception(tag.key.index, &bits)?;
        Ok(ExnRef { store: self.id, root: self.roots.add(exception) })
    }

    /// The tag of an exception.
    pub(crate) fn exception_tag(&mut self, exception: ExnRef) -> Option<Tag> {
        let object = self.exception_of(exception)?;
        let identity = self.heap()?.read_u32(object, EXCEPTION_TAG);
        match self.func_table.owner(identity)? {
            Owned::Tag(index) => Some(self.tag_handle(index)),
            _ => None,
        }
    }

    /// The payload of an exception.
    pub(crate) fn exception_payload(&mut self, exception: ExnRef) -> Option<Vec<Val>> {
        let fields = self.payload_bits(self.exception_of(exception)?)?;
        Some(fields.into_iter().map(|(ty, bits)| Val::from_bits(ty, bits, self)).collect())
    }

    /// The types and bits of what an exception carries. References are good until the next allocation.
    pub(crate) fn payload_bits(&self, exception: HeapRef) -> Option<Vec<(ValType, u128)>> {
        let heap = self.heap()?;
        let Some(Owned::Tag(tag)) = self.func_table.owner(heap.read_u32(exception, EXCEPTION_TAG)) else { return None };
        let tag = &self.tags[tag as usize];
        let read = |(field, &ty): (&crate::abi::exception::PayloadField, &ValType)| {
            let mut bytes = [0; 16];
            let bits = match slot_kind(field.ty) {
                SlotKind::Ref => u128::from(heap.read_ref(exception, field.offset).bits()),
                _ => {
                    heap.read_data(exception, field.offset, &mut bytes[..payload_bytes(field.ty) as usize]);
                    u128::from_le_bytes(bytes)
                }
            };
            (ty, bits)
        };
        Some(tag.layout.fields.iter().zip(&tag.ty.as_func()?.params).map(read).collect())
    }
}

fn slot_kind(ty: ValType) -> SlotKind {
    match ty {
        ValType::Ref(ty) if ty.heap.is_in_heap() => SlotKind::Ref,
        ValType::Ref(ty) if ty.heap.top() == HeapType::Func => SlotKind::Func,
        _ => SlotKind::Data,
    }
}
