//! An agent (§9.6): one heap, its roots, and what all its realms share.
#![forbid(unsafe_code)]

use std::collections::{HashMap, VecDeque};

use crate::base::sync::atomic::{AtomicU32, Ordering};
use crate::base::sync::{Arc, Mutex};
use crate::heap::roots::FuncSet;
use crate::heap::{Heap, HeapConfig, HeapError, HeapRef, RootSource, RootVisitor};
use crate::js::class::{HASH, STRING_FLAGS, Thing, Types};
use crate::js::cx::{Cx, Native};
use crate::js::embed::Companion;
use crate::js::global::Globals;
use crate::js::host::{Host, NoHost};
use crate::js::interp::Machine;
use crate::js::local::Local;
use crate::js::module::Modules;
use crate::js::names::Name;
use crate::js::string::atoms::{ATOM, AtomTable};
use crate::js::value::Value;

/// How an agent is made.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// Its heap.
    pub heap: HeapConfig,
    /// Words of 8 bytes of the stack that registers and handles lie on.
    pub stack_words: usize,
    /// Most bytes of the thread's stack that calls from Rust to scripts to Rust may take.
    pub native_stack_bytes: usize,
}

impl Default for AgentConfig {
    fn default() -> Self {
        AgentConfig { heap: HeapConfig::default(), stack_words: 1 << 20, native_stack_bytes: 1 << 20 }
    }
}

/// Why a script was ended that no script can catch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Termination {
    /// [`Interrupt::terminate`] was called.
    #[error("the script was terminated")]
    Terminated,
    /// The heap's limit was reached.
    #[error("{0}")]
    OutOfMemory(HeapError),
}

/// Ends what an agent runs, from any thread.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<InterruptState>);

#[derive(Default)]
struct InterruptState {
    is_set: AtomicU32,
    /// Who runs for the agent and does not ask it.
    listeners: Mutex<Vec<Box<dyn Fn() + Send>>>,
}

impl std::fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Interrupt").field(&self.is_set()).finish()
    }
}

impl Interrupt {
    /// Ends what runs now or next; no script catches it.
    pub fn terminate(&self) {
        self.0.is_set.store(1, Ordering::SeqCst);
        self.0.listeners.lock().iter().for_each(|listener| listener());
    }

    /// Has this called as well by each [`terminate`](Self::terminate).
    pub(crate) fn on_terminate(&self, listener: Box<dyn Fn() + Send>) {
        self.0.listeners.lock().push(listener);
        if self.is_set() {
            self.terminate();
        }
    }

    /// Takes it back.
    pub fn clear(&self) {
        self.0.is_set.store(0, Ordering::SeqCst);
    }

    /// Whether it was asked for.
    #[inline(always)]
    pub fn is_set(&self) -> bool {
        // Relaxed: a poll that comes late comes again.
        self.0.is_set.load(Ordering::Relaxed) != 0
    }
}

/// A job (§9.5): a function of Rust, and values for it.
#[derive(Clone, Copy)]
pub(in crate::js) struct Job {
    pub run: JobFn,
    pub realm: HeapRef,
    pub values: [u64; 5],
}

/// What a job does. Its errors are reported to the host.
pub(in crate::js) type JobFn = for<'s> fn(&mut Cx<'s>, [Local<'s>; 5]) -> crate::js::cx::Completion<()>;

/// What the collector starts from.
pub(in crate::js) struct Roots {
    /// Registers of frames, arguments and handles; the first are the engine's names.
    pub stack: Box<[u64]>,
    /// The first free word.
    pub top: usize,
    /// What was thrown and not yet caught.
    pub exception: u64,
    pub termination: Option<Termination>,
    /// The current realm.
    pub realm: HeapRef,
    /// Shapes of objects without a prototype: without and with inline slots.
    pub null_shapes: [HeapRef; 2],
    pub atoms: AtomTable,
    /// The global symbol registry (§20.4.2.2): strings and symbols, both old.
    pub registry: HashMap<u32, HeapRef>,
    pub jobs: VecDeque<Job>,
    /// KeepDuringJob's list (§9.12).
    pub kept_alive: Vec<u64>,
    /// Whatever else must live as long as the agent.
    pub pinned: Vec<u64>,
    pub machine: Machine,
    pub modules: Modules,
    pub globals: Globals,
    /// What a layer above keeps with the agent.
    pub companion: Option<Box<dyn Companion>>,
}

impl RootSource for Roots {
    fn visit_roots(&mut self, visitor: &mut dyn RootVisitor) {
        self.visit_own(visitor);
        self.visit_companion(|companion| companion.visit_roots(visitor));
    }

    fn visit_major_roots(&mut self, visitor: &mut dyn RootVisitor) {
        self.visit_own(visitor);
        self.visit_companion(|companion| companion.visit_major_roots(visitor));
    }

    fn visit_own_roots(&mut self, visitor: &mut dyn RootVisitor) {
        self.visit_own(visitor);
        self.visit_companion(|companion| companion.visit_own_roots(visitor));
    }

    fn visit_func(&mut self, func: u32, visitor: &mut dyn RootVisitor) {
        self.visit_companion_func(func, visitor);
    }

    fn marked(&mut self, is_live: &dyn Fn(HeapRef) -> bool) {
        self.atoms.retain(is_live);
        self.machine.marked(is_live);
        self.visit_companion(|companion| companion.marked(is_live));
    }

    fn funcs_found(&mut self, found: &FuncSet) {
        self.companion_funcs_found(found);
    }
}

impl Roots {
    fn visit_own(&mut self, visitor: &mut dyn RootVisitor) {
        for word in &mut self.stack[..self.top] {
            visitor.boxed(word);
        }
        visitor.boxed(&mut self.exception);
        visitor.reference(&mut self.realm);
        visitor.references(&mut self.null_shapes);
        for (&atom, symbol) in &mut self.registry {
            // Neither moves: both are old from the start.
            visitor.reference(&mut HeapRef::from_bits(atom));
            visitor.reference(symbol);
        }
        for job in &mut self.jobs {
            visitor.reference(&mut job.realm);
            job.values.iter_mut().for_each(|value| visitor.boxed(value));
        }
        self.kept_alive.iter_mut().chain(&mut self.pinned).for_each(|value| visitor.boxed(value));
        self.machine.visit_roots(visitor);
        self.modules.visit(visitor);
        self.globals.visit(visitor);
    }
}

/// See the [module](crate::js::agent).
pub struct Agent {
    pub(in crate::js) heap: Heap,
    pub(in crate::js) roots: Roots,
    pub(in crate::js) types: Types,
    pub(in crate::js) natives: Vec<Native>,
    pub(in crate::js) native_ids: HashMap<usize, u32>,
    /// Lowest address of the thread's stack that calls may reach.
    pub(in crate::js) native_limit: usize,
    pub(in crate::js) interrupt: Interrupt,
    pub(in crate::js) host: Box<dyn Host>,
    pub(in crate::js) config: AgentConfig,
    pub(in crate::js) symbol_count: u32,
    /// State of `Math.random`.
    pub(in crate::js) random: [u64; 2],
    pub(in crate::js) finalization_count: u32,
    /// Bytes that array buffers took since the last collection that they asked for.
    pub(in crate::js) outside_bytes: usize,
    pub(in crate::js) realm_count: u32,
    pub(in crate::js) regexps: crate::js::builtins::regexp::Compiled,
    pub(in crate::js) embedder_data: Box<dyn std::any::Any + Send>,
    /// Who changes the length of array buffers' bytes that are not the agent's own.
    pub(in crate::js) resize_hook: Option<crate::js::builtins::array_buffer::ResizeHook>,
    /// How many objects have an identity hash.
    pub(in crate::js) identity_count: u32,
    /// Slots of the stack with the objects whose elements are being joined to a text.
    pub(in crate::js) joining: Vec<usize>,
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent").field("heap", &self.heap).finish_non_exhaustive()
    }
}

impl Agent {
    /// An agent with one realm, whose builtins are all there.
    ///
    /// # Errors
    ///
    /// [`HeapError`] when there is no address space, or the heap's limit is too small for the builtins.
    pub fn new(config: AgentConfig) -> Result<Self, HeapError> {
        let mut heap = Heap::with_own_state(config.heap.clone())?;
        let types = Types::new(&mut heap)?;
        let undefined = Value::UNDEFINED.bits();
        let roots = Roots {
            stack: vec![0; config.stack_words.max(1 << 14)].into_boxed_slice(),
            top: 0,
            exception: undefined,
            termination: None,
            realm: HeapRef::NULL,
            null_shapes: [HeapRef::NULL; 2],
            atoms: AtomTable::default(),
            registry: HashMap::new(),
            jobs: VecDeque::new(),
            kept_alive: Vec::new(),
            pinned: Vec::new(),
            machine: Machine::default(),
            modules: Modules::default(),
            globals: Globals::default(),
            companion: None,
        };
        let mut agent = Agent {
            heap,
            roots,
            types,
            natives: Vec::new(),
            native_ids: HashMap::new(),
            native_limit: 0,
            interrupt: Interrupt::default(),
            host: Box::new(NoHost),
            symbol_count: 0,
            random: random_seed(),
            finalization_count: 0,
            outside_bytes: 0,
            realm_count: 0,
            regexps: Default::default(),
            embedder_data: Box::new(()),
            resize_hook: None,
            identity_count: 0,
            joining: Vec::new(),
            config,
        };
        agent.add_names()?;
        agent.roots.null_shapes =
            [agent.root_shape(Value::NULL, 0)?, agent.root_shape(Value::NULL, crate::js::class::INLINE_SLOTS)?];
        let realm = agent.enter(|cx| cx.create_realm().map(|realm| cx.reference(realm)).map_err(|_| cx.take_heap_error()));
        agent.roots.realm = realm?;
        Ok(agent)
    }

    /// Puts the engine's names into the first slots of the stack, where they stay.
    fn add_names(&mut self) -> Result<(), HeapError> {
        for (slot, &name) in Name::ALL.iter().enumerate() {
            let atom = self.intern_text(&name.text())?;
            let value = if name.is_symbol() {
                let symbol = self.heap.allocate_old(self.types.thing(Thing::Symbol), 0)?;
                self.symbol_count += 1;
                self.heap.write_u32(symbol, HASH, self.symbol_count.wrapping_mul(0x9e37_79b9) | 1);
                self.heap.write_u32(symbol, STRING_FLAGS, ATOM);
                self.heap.write_boxed(symbol, crate::js::class::STRING_DATA, Value::string(atom).bits());
                Value::symbol(symbol)
            } else {
                Value::string(atom)
            };
            self.roots.stack[slot] = value.bits();
            self.roots.top = slot + 1;
        }
        Ok(())
    }

    /// Runs something with the agent on this thread, in its first realm or in the one that is current already.
    pub fn enter<R>(&mut self, run: impl for<'s> FnOnce(&mut Cx<'s>) -> R) -> R {
        let here = crate::js::cx::stack_address();
        let budget = here.saturating_sub(self.config.native_stack_bytes);
        // A quarter of a thread's stack stays free, for Rust's own needs.
        let bounds = crate::platform::stack::current().filter(|bounds| bounds.contains(here));
        let limit = bounds.map_or(budget, |bounds| budget.max(bounds.low + (here - bounds.low) / 4));
        let outer = std::mem::replace(&mut self.native_limit, limit);
        let result = run(&mut Cx::outermost(self));
        self.native_limit = outer;
        result
    }

    /// A handle that ends what the agent runs, from any thread.
    pub fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// The heap's figures.
    pub fn heap_stats(&self) -> crate::heap::HeapStats {
        self.heap.stats()
    }

    /// Keeps something of the embedder's with the agent: see [`Cx::embedder_data`].
    pub fn set_embedder_data(&mut self, data: Box<dyn std::any::Any + Send>) {
        self.embedder_data = data;
    }

    /// Says what the host does for scripts.
    pub fn set_host(&mut self, host: Box<dyn Host>) {
        self.host = host;
    }
}

fn random_seed() -> [u64; 2] {
    use std::hash::{BuildHasher, Hasher};
    let seed = || foldhash::fast::RandomState::default().build_hasher().finish() | 1;
    [seed(), seed().rotate_left(29)]
}
