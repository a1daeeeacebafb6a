//! ArrayBuffer and SharedArrayBuffer objects (§25.1, §25.2): their bytes lie in a [`Backing`](crate::heap::backing::Backing).
//!
//! | file | what |
//! |---|---|
//! | `mod` | the abstract operations on both |
//! | `unshared` | `ArrayBuffer` |
//! | `shared` | `SharedArrayBuffer` |
//! | `host` | what the host may do with buffers and views |
#![forbid(unsafe_code)]

mod host;
mod shared;
mod unshared;

use crate::base::sync::Arc;
use crate::heap::backing::{Backing, MAX_BYTES};
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::Local;
use crate::js::names::Name;
use crate::js::value::Value;

/// [[ArrayBufferData]]: what owns the backing; undefined when it is detached.
const DATA: u32 = 0;
/// Whether there is [[ArrayBufferMaxByteLength]].
const IS_RESIZABLE: u32 = 1;
/// [[ArrayBufferDetachKey]].
const DETACH_KEY: u32 = 2;

/// So many new bytes outside of the heap are reason for a collection, which lets those go that nobody needs.
const COLLECT_AFTER: usize = 256 << 20;

/// Makes `ArrayBuffer` and `SharedArrayBuffer`.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    unshared::install(&mut cx.open())?;
    shared::install(&mut cx.open())
}

/// Changes the length of bytes that are somebody else's; `false` if they are not his.
pub(crate) type ResizeHook = for<'s> fn(&mut Cx<'s>, Local<'s>, u64) -> Completion<bool>;

impl<'s> Cx<'s> {
    /// The bytes of a buffer; nothing if it is detached.
    #[inline]
    pub(in crate::js) fn backing(&self, buffer: Value) -> Option<&Arc<Backing>> {
        self.agent.heap.host_value(self.field_of(buffer, DATA).reference()?)?.downcast_ref()
    }

    /// The bytes of a buffer, to keep; nothing if it is detached.
    pub fn buffer_backing(&self, buffer: Local<'_>) -> Option<Arc<Backing>> {
        self.is_any_buffer(buffer).then(|| self.backing(self.value(buffer)).cloned()).flatten()
    }

    /// Whether a value has [[ArrayBufferData]].
    pub(in crate::js) fn is_any_buffer(&self, value: Local<'_>) -> bool {
        matches!(self.class_of(value), Some(Class::ArrayBuffer | Class::SharedArrayBuffer))
    }

    /// IsDetachedBuffer (§25.1.3.3).
    pub(in crate::js) fn is_detached(&self, buffer: Local<'_>) -> bool {
        self.field_value(buffer, DATA).is_undefined()
    }

    /// Whether a buffer is no IsFixedLengthArrayBuffer (§25.1.3.9).
    pub(crate) fn is_resizable_buffer(&self, buffer: Local<'_>) -> bool {
        self.field_value(buffer, IS_RESIZABLE) == Value::TRUE
    }

    /// ArrayBufferByteLength (§25.1.3.2); 0 if it is detached.
    pub(in crate::js) fn buffer_byte_length(&self, buffer: Local<'_>) -> usize {
        self.backing(self.value(buffer)).map_or(0, |backing| backing.len())
    }

    /// CreateByteDataBlock (§6.2.9.1) and CreateSharedByteDataBlock.
    ///
    /// # Errors
    ///
    /// A RangeError when there is not so much memory.
    pub(in crate::js) fn new_backing(&mut self, length: u64, max: Option<u64>, is_shared: bool) -> Completion<Arc<Backing>> {
        if length > MAX_BYTES as u64 || max.is_some_and(|max| max > MAX_BYTES as u64) {
            return Err(self.range_error("Array buffer allocation failed"));
        }
        let (length, max) = (length as usize, max.map(|max| max as usize));
        self.agent.outside_bytes += length;
        if self.agent.outside_bytes > COLLECT_AFTER {
            self.agent.outside_bytes = 0;
            self.collect_garbage();
        }
        if let Some(backing) = Backing::new(length, max, is_shared) {
            return Ok(backing);
        }
        self.collect_garbage();
        match Backing::new(length, max, is_shared) {
            Some(backing) => Ok(backing),
            None => Err(self.range_error("Array buffer allocation failed")),
        }
    }

    /// Gives a buffer its bytes.
    pub(in crate::js) fn attach_backing(&mut self, buffer: Local<'_>, backing: Arc<Backing>) -> Completion<()> {
        let is_resizable = backing.is_resizable();
        let agent = &mut *self.agent;
        let owner = agent.heap.allocate_host(Box::new(backing), &mut agent.roots).map_err(|error| self.heap_error(error))?;
        self.set_field_value(buffer, DATA, Value::object(owner));
        self.set_field_value(buffer, IS_RESIZABLE, Value::bool(is_resizable));
        Ok(())
    }

    /// A buffer that shows bytes, of the class that fits them, with the realm's prototype.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn new_buffer_of(&mut self, backing: Arc<Backing>) -> Completion<Local<'s>> {
        let (class, prototype) = match backing.is_shared() {
            true => (Class::SharedArrayBuffer, Intrinsic::SharedArrayBufferPrototype),
            false => (Class::ArrayBuffer, Intrinsic::ArrayBufferPrototype),
        };
        let buffer = self.make_of(class, prototype)?;
        self.clear_buffer(buffer);
        self.attach_backing(buffer, backing)?;
        Ok(buffer)
    }

    fn clear_buffer(&mut self, buffer: Local<'_>) {
        self.set_field_value(buffer, DATA, Value::UNDEFINED);
        self.set_field_value(buffer, IS_RESIZABLE, Value::FALSE);
        self.set_field_value(buffer, DETACH_KEY, Value::UNDEFINED);
    }

    /// AllocateArrayBuffer (§25.1.3.1) and AllocateSharedArrayBuffer (§25.2.2.1).
    ///
    /// # Errors
    ///
    /// A RangeError when there is not so much memory, or the maximum is less than the length.
    pub(in crate::js) fn allocate_buffer(
        &mut self,
        constructor: Local<'s>,
        length: u64,
        max: Option<u64>,
        is_shared: bool,
    ) -> Completion<Local<'s>> {
        // 3. If allocatingResizableBuffer is true and byteLength > maxByteLength, throw a RangeError.
        if max.is_some_and(|max| length > max) {
            return Err(self.range_error("Invalid array buffer max length"));
        }
        let (class, prototype) = match is_shared {
            true => (Class::SharedArrayBuffer, Intrinsic::SharedArrayBufferPrototype),
            false => (Class::ArrayBuffer, Intrinsic::ArrayBufferPrototype),
        };
        // 4. Let obj be ? OrdinaryCreateFromConstructor(constructor, prototype, slots).
        let buffer = self.create_from_constructor(class, constructor, prototype)?;
        self.clear_buffer(buffer);
        // 5. Let block be ? CreateByteDataBlock(byteLength).
        let backing = self.new_backing(length, max, is_shared)?;
        self.attach_backing(buffer, backing)?;
        Ok(buffer)
    }

    /// A fixed buffer of %ArrayBuffer%.
    ///
    /// # Errors
    ///
    /// A RangeError when there is not so much memory.
    pub(in crate::js) fn new_array_buffer(&mut self, length: u64) -> Completion<Local<'s>> {
        let backing = self.new_backing(length, None, false)?;
        self.new_buffer_of(backing)
    }

    /// CloneArrayBuffer (§25.1.3.5): a fixed buffer of %ArrayBuffer% with a part of another's bytes.
    pub(in crate::js) fn clone_array_buffer(&mut self, buffer: Local<'_>, at: usize, count: usize) -> Completion<Local<'s>> {
        let target = self.new_array_buffer(count as u64)?;
        if let (Some(to), Some(from)) = (self.backing(self.value(target)), self.backing(self.value(buffer))) {
            to.copy(0, from, at, count);
        }
        Ok(target)
    }

    /// DetachArrayBuffer (§25.1.3.4) without a key.
    ///
    /// # Errors
    ///
    /// A TypeError when it is no array buffer, or has a key.
    pub fn detach_array_buffer(&mut self, buffer: Local<'_>) -> Completion<()> {
        self.detach_array_buffer_by(buffer, Local::UNDEFINED)
    }

    /// DetachArrayBuffer (§25.1.3.4).
    ///
    /// # Errors
    ///
    /// A TypeError when it is no array buffer, or has another key.
    pub fn detach_array_buffer_by(&mut self, buffer: Local<'_>, key: Local<'_>) -> Completion<()> {
        if !self.is(buffer, Class::ArrayBuffer) {
            return Err(self.type_error("Only an ArrayBuffer can be detached"));
        }
        let own = self.field_value(buffer, DETACH_KEY);
        let mut cx = self.open();
        let own = cx.local(own);
        let is_key = cx.same_value(own, key);
        drop(cx);
        if !is_key {
            return Err(self.type_error("Cannot perform detach on an ArrayBuffer that belongs to something else"));
        }
        self.set_field_value(buffer, DATA, Value::UNDEFINED);
        Ok(())
    }

    /// [[ArrayBufferDetachKey]].
    pub(crate) fn detach_key(&mut self, buffer: Local<'_>) -> Local<'s> {
        self.field(buffer, DETACH_KEY)
    }

    /// HostResizeArrayBuffer (§25.1.3.8) and HostGrowSharedArrayBuffer (§25.2.2.4): whether somebody else has changed the length of his bytes.
    pub(in crate::js) fn host_resize(&mut self, buffer: Local<'s>, length: u64) -> Completion<bool> {
        let is_foreign = self.backing(self.value(buffer)).is_some_and(|backing| backing.is_foreign());
        match self.agent.resize_hook.filter(|_| is_foreign) {
            Some(hook) => hook(self, buffer, length),
            None => Ok(false),
        }
    }

    /// Says who changes the length of bytes that are somebody else's.
    pub(crate) fn set_resize_hook(&mut self, hook: ResizeHook) {
        self.agent.resize_hook = Some(hook);
    }

    /// Takes a buffer's bytes away.
    pub(in crate::js) fn empty_buffer(&mut self, buffer: Local<'_>) {
        self.set_field_value(buffer, DATA, Value::UNDEFINED);
    }

    /// Sets [[ArrayBufferDetachKey]] of an array buffer: it is only detached by who has the key.
    pub fn set_detach_key(&mut self, buffer: Local<'_>, key: Local<'_>) {
        if self.is(buffer, Class::ArrayBuffer) {
            self.set_field(buffer, DETACH_KEY, key);
        }
    }

    /// GetArrayBufferMaxByteLengthOption (§25.1.3.7).
    fn max_byte_length_option(&mut self, options: Local<'s>) -> Completion<Option<u64>> {
        if !options.is_object() {
            return Ok(None);
        }
        let max = self.get(options, Name::maxByteLength.key())?;
        if max.is_undefined() { Ok(None) } else { self.to_index(max).map(Some) }
    }

    /// RequireInternalSlot of a method of one of the two classes.
    fn require_buffer(&mut self, this: Local<'_>, class: Class, method: &str) -> Completion<()> {
        if self.is(this, class) {
            return Ok(());
        }
        let text = self.display(this);
        Err(self.type_error(&format!("Method {method} called on incompatible receiver {text}")))
    }

    fn require_attached(&mut self, buffer: Local<'_>, method: &str) -> Completion<()> {
        if self.is_detached(buffer) {
            return Err(self.type_error(&format!("Cannot perform {method} on a detached ArrayBuffer")));
        }
        Ok(())
    }

    /// The common part of both `slice` methods (§25.1.6.7, §25.2.5.6), from the arguments on.
    fn slice_buffer(
        &mut self,
        this: Local<'s>,
        bounds: (Local<'s>, Local<'s>),
        class: Class,
        method: &str,
    ) -> Completion<Local<'s>> {
        let length = self.buffer_byte_length(this) as u64;
        let first = self.to_relative(bounds.0, length)?;
        let last = self.to_relative_end(bounds.1, length)?;
        let count = last.saturating_sub(first);
        let default = if class == Class::ArrayBuffer { Intrinsic::ArrayBuffer } else { Intrinsic::SharedArrayBuffer };
        // 14. Let ctor be ? SpeciesConstructor(O, %ArrayBuffer%).
        let constructor = self.species_constructor(this, default)?;
        let new = self.construct(constructor, &[Local::number(count as f64)], constructor)?;
        // 16. Perform ? RequireInternalSlot(new, [[ArrayBufferData]]).
        self.require_buffer(new, class, method)?;
        if class == Class::ArrayBuffer {
            self.require_attached(new, method)?;
        }
        // 19. If SameValue(new, O) is true, throw a TypeError exception.
        if self.same_value(new, this) {
            return Err(self.type_error("ArrayBuffer subclass returned this from species constructor"));
        }
        if (self.buffer_byte_length(new) as u64) < count {
            return Err(self.type_error("Species constructor returned a too small ArrayBuffer"));
        }
        if class == Class::ArrayBuffer {
            // 22. If IsDetachedBuffer(O) is true, throw a TypeError exception.
            self.require_attached(this, method)?;
        }
        let now = self.buffer_byte_length(this) as u64;
        if first < now
            && let (Some(to), Some(from)) = (self.backing(self.value(new)), self.backing(self.value(this)))
        {
            to.copy(0, from, first as usize, count.min(now - first) as usize);
        }
        Ok(new)
    }
}
