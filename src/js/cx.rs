//! The context that everything in the engine runs in: an agent, and a scope for locals.
//!
//! Functions take `&mut Cx<'s>` and give `Local<'s>`. A loop opens a scope for each round ([`Cx::open`]); a function that gives one value
//! and makes many runs in [`Cx::scope`]. rustc refuses a local that outlives its scope, and a parent's use while a child is open.
#![forbid(unsafe_code)]

use std::marker::PhantomData;

use crate::heap::{HeapError, HeapRef};
use crate::js::agent::{Agent, Job, JobFn, Termination};
use crate::js::class::{Class, FIRST_FIELD, Thing, class_of};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local, Root};
use crate::js::value::Value;

/// That something was thrown. What, lies in the agent: [`Cx::take_exception`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thrown(());

/// A completion (§6.2.4): normal, or a throw.
pub type Completion<T> = Result<T, Thrown>;

/// A function of Rust that scripts can call.
pub type Native = for<'s> fn(&mut Cx<'s>, Local<'s>, Args<'s>) -> Completion<Local<'s>>;

/// Words of the stack that stay free for handles when calls have taken the rest.
const RESERVED_WORDS: usize = 8192;

/// An address in the present frame. A constant would be kept elsewhere: the marker is a variable.
#[inline(always)]
pub(in crate::js) fn stack_address() -> usize {
    let marker = std::hint::black_box(0u8);
    std::hint::black_box(&raw const marker) as usize
}

/// See the [module](crate::js::cx).
pub struct Cx<'s> {
    pub(in crate::js) agent: &'s mut Agent,
    base: usize,
    scope: PhantomData<&'s ()>,
}

impl Drop for Cx<'_> {
    fn drop(&mut self) {
        self.agent.roots.top = self.base;
    }
}

impl std::fmt::Debug for Cx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cx").field("base", &self.base).finish_non_exhaustive()
    }
}

impl<'s> Cx<'s> {
    pub(in crate::js) fn outermost(agent: &'s mut Agent) -> Self {
        let base = agent.roots.top;
        Cx { agent, base, scope: PhantomData }
    }

    /// A scope inside this one. Its locals end with it.
    #[inline]
    pub fn open(&mut self) -> Cx<'_> {
        let base = self.agent.roots.top;
        Cx { agent: self.agent, base, scope: PhantomData }
    }

    /// Runs a function in a scope of its own, of which one value is left.
    #[inline]
    pub fn scope(&mut self, run: impl for<'t> FnOnce(&mut Cx<'t>) -> Completion<Local<'t>>) -> Completion<Local<'s>> {
        let value = {
            let mut cx = self.open();
            let local = run(&mut cx)?;
            cx.value(local)
        };
        Ok(self.local(value))
    }

    /// The value of a local. It is good until the next allocation.
    #[inline(always)]
    pub(in crate::js) fn value(&self, local: Local<'_>) -> Value {
        match local.slot() {
            Some(slot) => Value::from_bits(self.agent.roots.stack[slot]),
            None => local.as_value(),
        }
    }

    /// What a local refers to, which must be known to be something.
    #[inline(always)]
    pub(in crate::js) fn reference(&self, local: Local<'_>) -> HeapRef {
        self.value(local).heap_ref()
    }

    /// A local of a value that was had since the last allocation.
    #[inline(always)]
    pub(in crate::js) fn local(&mut self, value: Value) -> Local<'s> {
        if value.reference().is_some() { Local::of_slot(value, self.push(value)) } else { Local::of_plain(value) }
    }

    /// Takes a slot of the stack.
    #[inline(always)]
    fn push(&mut self, value: Value) -> usize {
        let roots = &mut self.agent.roots;
        let slot = roots.top;
        if slot == roots.stack.len() {
            self.grow_stack();
        }
        let roots = &mut self.agent.roots;
        roots.stack[slot] = value.bits();
        roots.top = slot + 1;
        slot
    }

    /// Handles have outgrown the stack: calls are refused long before, so a single function holds very many. Nothing keeps the stack's
    /// address across a call that may come here.
    #[cold]
    fn grow_stack(&mut self) {
        let mut stack = std::mem::take(&mut self.agent.roots.stack).into_vec();
        stack.resize(stack.len() * 2, 0);
        self.agent.roots.stack = stack.into_boxed_slice();
    }

    /// A local that can be set again.
    pub fn root(&mut self, local: Local<'_>) -> Root<'s> {
        let value = self.value(local);
        Root::new(self.push(value))
    }

    /// Sets a root.
    pub fn set_root(&mut self, root: Root<'_>, local: Local<'_>) {
        let value = self.value(local);
        self.agent.roots.stack[root.slot()] = value.bits();
    }

    /// What a root holds now. The local keeps that value when the root is set again.
    pub fn get_root(&mut self, root: Root<'_>) -> Local<'s> {
        let value = Value::from_bits(self.agent.roots.stack[root.slot()]);
        self.local(value)
    }

    /// An argument, `undefined` if there are not so many.
    #[inline]
    pub fn arg(&self, args: Args<'s>, nth: usize) -> Local<'s> {
        if nth >= args.count as usize {
            return Local::UNDEFINED;
        }
        let slot = args.callee + 2 + nth;
        Local::of_slot(Value::from_bits(self.agent.roots.stack[slot]), slot)
    }

    /// The arguments from the `from`th on.
    pub fn args_from(&self, args: Args<'s>, from: usize) -> Vec<Local<'s>> {
        (from..args.len()).map(|nth| self.arg(args, nth)).collect()
    }

    /// The `this` that a function was called with.
    pub fn this_of(&self, args: Args<'s>) -> Local<'s> {
        Local::of_slot(Value::from_bits(self.agent.roots.stack[args.callee + 1]), args.callee + 1)
    }

    /// The function that was called.
    pub fn callee(&self, args: Args<'s>) -> Local<'s> {
        Local::of_slot(Value::from_bits(self.agent.roots.stack[args.callee]), args.callee)
    }

    /// Puts a call's parts behind one another on the stack, for the time that `self` is open.
    pub(in crate::js) fn push_call(&mut self, callee: Local<'_>, this: Local<'_>, args: &[Local<'_>]) -> usize {
        let value = self.value(callee);
        let start = self.push(value);
        for &local in std::iter::once(&this).chain(args) {
            let value = self.value(local);
            self.push(value);
        }
        start
    }

    /// Whether calls may go deeper.
    ///
    /// # Errors
    ///
    /// A RangeError when the stack is used up.
    #[inline]
    pub(in crate::js) fn check_stack(&mut self, words: usize) -> Completion<()> {
        let here = stack_address();
        let roots = &self.agent.roots;
        if here < self.agent.native_limit || roots.top + words + RESERVED_WORDS > roots.stack.len() {
            return Err(self.stack_overflow());
        }
        Ok(())
    }

    #[cold]
    pub(in crate::js) fn stack_overflow(&mut self) -> Thrown {
        // The error itself is made with what is kept free.
        let limit = std::mem::take(&mut self.agent.native_limit);
        let thrown = self.range_error("Maximum call stack size exceeded");
        self.agent.native_limit = limit;
        thrown
    }

    /// Asks whether the script shall end.
    ///
    /// # Errors
    ///
    /// A termination, which no script catches.
    #[inline(always)]
    pub fn poll(&mut self) -> Completion<()> {
        if self.agent.interrupt.is_set() { Err(self.terminate(Termination::Terminated)) } else { Ok(()) }
    }

    /// Ends the script: what is thrown passes all handlers.
    #[cold]
    pub(in crate::js) fn terminate(&mut self, why: Termination) -> Thrown {
        self.agent.roots.termination = Some(why);
        self.agent.roots.exception = Value::UNDEFINED.bits();
        Thrown(())
    }

    /// Why the script is being ended, if it is: then nothing may be caught.
    pub fn termination(&self) -> Option<&Termination> {
        self.agent.roots.termination.as_ref()
    }

    /// Takes the reason for which the script was ended, so that others can run.
    pub fn take_termination(&mut self) -> Option<Termination> {
        self.agent.roots.termination.take()
    }

    pub(in crate::js) fn take_heap_error(&mut self) -> HeapError {
        match self.take_termination() {
            Some(Termination::OutOfMemory(error)) => error,
            _ => HeapError::BadType("a builtin could not be made"),
        }
    }

    /// Throws a value.
    pub fn throw(&mut self, value: Local<'_>) -> Thrown {
        self.agent.roots.exception = self.value(value).bits();
        Thrown(())
    }

    /// What was thrown. Afterwards nothing is.
    ///
    /// # Errors
    ///
    /// Thrown again when the script is being ended: that must be passed on.
    pub fn take_exception(&mut self, thrown: Thrown) -> Completion<Local<'s>> {
        if self.agent.roots.termination.is_some() {
            return Err(thrown);
        }
        let value = Value::from_bits(std::mem::replace(&mut self.agent.roots.exception, Value::UNDEFINED.bits()));
        Ok(self.local(value))
    }

    /// What a heap error means to scripts.
    #[cold]
    pub(in crate::js) fn heap_error(&mut self, error: HeapError) -> Thrown {
        match error {
            HeapError::TooLarge { .. } => self.range_error("Invalid array length"),
            error => self.terminate(Termination::OutOfMemory(error)),
        }
    }

    /// One of the heap's own things, all zero.
    pub(in crate::js) fn allocate_thing(&mut self, thing: Thing, length: u32) -> Completion<HeapRef> {
        let ty = self.agent.types.thing(thing);
        let agent = &mut *self.agent;
        let is_array = !matches!(
            thing,
            Thing::Rope
                | Thing::Slice
                | Thing::Symbol
                | Thing::Shape
                | Thing::PropertyTable
                | Thing::Accessor
                | Thing::Weak
                | Thing::Primitive
        );
        let made = match is_array {
            true => agent.heap.allocate_array(ty, length, &mut agent.roots),
            false => agent.heap.allocate(ty, &mut agent.roots),
        };
        made.map_err(|error| self.heap_error(error))
    }

    /// An array of values, all `undefined` but for the bits: zeros are the number 0, so it is filled.
    pub(in crate::js) fn allocate_values(&mut self, length: u32, fill: Value) -> Completion<HeapRef> {
        let array = self.allocate_thing(Thing::Values, length)?;
        if length != 0 {
            self.agent.heap.fill_slots(array, crate::layout::heap::FIELDS, 8 * length, 3, u128::from(fill.bits()));
        }
        Ok(array)
    }

    /// Reads a value of an array of values.
    #[inline]
    pub(in crate::js) fn read_value(&self, array: HeapRef, nth: u32) -> Value {
        Value::from_bits(self.agent.heap.read_boxed(array, crate::layout::heap::FIELDS + 8 * nth))
    }

    /// Writes a value of an array of values.
    #[inline]
    pub(in crate::js) fn write_value(&mut self, array: HeapRef, nth: u32, value: Value) {
        self.agent.heap.write_boxed(array, crate::layout::heap::FIELDS + 8 * nth, value.bits());
    }

    /// The class of an object; `None` if it is none.
    pub fn class_of(&self, local: Local<'_>) -> Option<Class> {
        local.is_object().then(|| class_of(&self.agent.heap, self.reference(local)))
    }

    /// Whether it is an object of a class.
    pub fn is(&self, local: Local<'_>, class: Class) -> bool {
        self.class_of(local) == Some(class)
    }

    /// Reads an internal slot of an object.
    pub(in crate::js) fn field(&mut self, object: Local<'_>, nth: u32) -> Local<'s> {
        let value = self.field_value(object, nth);
        self.local(value)
    }

    /// The value in an internal slot of an object.
    #[inline]
    pub(in crate::js) fn field_value(&self, object: Local<'_>, nth: u32) -> Value {
        Value::from_bits(self.agent.heap.read_boxed(self.reference(object), FIRST_FIELD + 8 * nth))
    }

    /// Writes an internal slot of an object.
    pub(in crate::js) fn set_field(&mut self, object: Local<'_>, nth: u32, local: Local<'_>) {
        let value = self.value(local);
        self.set_field_value(object, nth, value);
    }

    /// Writes a value into an internal slot of an object.
    #[inline]
    pub(in crate::js) fn set_field_value(&mut self, object: Local<'_>, nth: u32, value: Value) {
        let object = self.reference(object);
        self.agent.heap.write_boxed(object, FIRST_FIELD + 8 * nth, value.bits());
    }

    /// One of the current realm's intrinsics.
    pub fn intrinsic(&mut self, intrinsic: Intrinsic) -> Local<'s> {
        let value = self.read_value(self.agent.roots.realm, intrinsic as u32);
        self.local(value)
    }

    /// The global object of the current realm.
    pub fn global(&mut self) -> Local<'s> {
        self.intrinsic(Intrinsic::GlobalObject)
    }

    /// HostEnqueuePromiseJob (§9.5.5), with the current realm.
    pub(in crate::js) fn enqueue_job(&mut self, run: JobFn, values: [Local<'_>; 5]) {
        let values = values.map(|local| self.value(local).bits());
        let realm = self.agent.roots.realm;
        self.agent.roots.jobs.push_back(Job { run, realm, values });
    }

    /// Runs jobs until there are none. Exceptions that they end with go to the host.
    ///
    /// # Errors
    ///
    /// Only a termination.
    pub fn run_jobs(&mut self) -> Completion<()> {
        loop {
            let Some(job) = self.agent.roots.jobs.pop_front() else {
                // Finalization comes after all else.
                self.agent.roots.kept_alive.clear();
                if self.enqueue_finalizations() {
                    continue;
                }
                return Ok(());
            };
            let mut cx = self.open();
            let outer = std::mem::replace(&mut cx.agent.roots.realm, job.realm);
            let realm = cx.root(Local::UNDEFINED);
            cx.agent.roots.stack[realm.slot()] = Value::object(outer).bits();
            let values = job.values.map(|bits| cx.local(Value::from_bits(bits)));
            let result = (job.run)(&mut cx, values);
            cx.agent.roots.kept_alive.clear();
            if let Err(thrown) = result {
                let error = cx.take_exception(thrown)?;
                cx.report_error(error);
            }
            cx.agent.roots.realm = Value::from_bits(cx.agent.roots.stack[realm.slot()]).heap_ref();
        }
    }

    /// Whether jobs wait.
    pub fn has_jobs(&self) -> bool {
        !self.agent.roots.jobs.is_empty()
    }

    /// Hands an error that nobody caught to the host.
    pub fn report_error(&mut self, error: Local<'_>) {
        self.with_host(|host, cx| host.report_error(cx, error));
    }

    /// A local of this scope for a value of one around it.
    pub fn same(&mut self, local: Local<'_>) -> Local<'s> {
        let value = self.value(local);
        self.local(value)
    }

    /// A handle that ends what runs here, from any thread.
    pub fn interrupt(&self) -> crate::js::agent::Interrupt {
        self.agent.interrupt()
    }

    /// Adds a job that calls a function without arguments.
    pub fn enqueue_microtask(&mut self, function: Local<'_>) {
        fn run<'s>(cx: &mut Cx<'s>, values: [Local<'s>; 5]) -> Completion<()> {
            cx.call(values[0], Local::UNDEFINED, &[]).map(|_| ())
        }
        let undefined = Local::UNDEFINED;
        self.enqueue_job(run, [function, undefined, undefined, undefined, undefined]);
    }

    /// Hands a line of text to the host.
    pub fn print(&mut self, text: &str) {
        self.agent.host.print(text);
    }

    /// Calls the host, which may use the context.
    pub(in crate::js) fn with_host<R>(&mut self, call: impl FnOnce(&mut dyn crate::js::host::Host, &mut Cx<'_>) -> R) -> R {
        let mut host = std::mem::replace(&mut self.agent.host, Box::new(crate::js::host::NoHost));
        let result = call(&mut *host, &mut self.open());
        self.agent.host = host;
        result
    }

    /// Collects everything that is not reachable.
    pub fn collect_garbage(&mut self) {
        let agent = &mut *self.agent;
        agent.heap.collect_major(&mut agent.roots);
    }
}
