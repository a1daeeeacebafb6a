//! Walking guest frames.
//!
//! Every guest frame keeps its frame pointer chain: at `fp` lies the caller's frame pointer, at `fp + 8` the return address. A
//! walk goes from the innermost frame of an activation to the activation's entry frame, then to the guest frames that were
//! waiting outside. Program counters are gathered into a fixed buffer at the moment of the trap, while the frames still exist
//! (in the fault handler too, so nothing is allocated), and are given names afterwards.

use crate::abi::artifact::inlined_frames;
use crate::base::DefinedFuncIndex;
use crate::code::registry;
use crate::compile::ModuleDebug;
use crate::layout::block::ActivationWords;
use crate::runtime::activation::Activation;
use crate::runtime::trap::Frame;

/// Frames that a trace keeps.
const CAPACITY: usize = 128;

/// Program counters of the guest frames at the last trap.
pub struct TraceBuffer {
    pcs: [usize; CAPACITY],
    len: usize,
    /// Whether the first is a faulting instruction; all others are return addresses.
    faulted: bool,
}

impl Default for TraceBuffer {
    fn default() -> Self {
        TraceBuffer { pcs: [0; CAPACITY], len: 0, faulted: false }
    }
}

impl std::fmt::Debug for TraceBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.pcs[..self.len]).finish()
    }
}

impl TraceBuffer {
    /// Gathers the frames of an activation, from `(pc, fp)` outwards to `entry_fp`.
    ///
    /// # Safety
    ///
    /// `fp` is the frame pointer of a live guest frame whose chain leads to `entry_fp`.
    pub(crate) unsafe fn capture(&mut self, pc: usize, fp: usize, entry_fp: usize, faulted: bool) {
        self.len = 0;
        self.faulted = faulted;
        // SAFETY: by contract.
        unsafe {
            walk(pc, fp, entry_fp, |pc| {
                self.pcs[self.len] = pc;
                self.len += 1;
                self.len < CAPACITY
            });
        }
    }

    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// The frames with their names.
    ///
    /// # Safety
    ///
    /// The code that was captured is still alive.
    pub(crate) unsafe fn frames(&self) -> Vec<Frame> {
        let pcs = self.pcs[..self.len].iter().enumerate();
        // SAFETY: by contract.
        let frames = pcs.flat_map(|(depth, &pc)| unsafe { name(pc, depth == 0 && self.faulted) });
        frames.take(CAPACITY).collect()
    }
}

/// Visits the program counters of an activation's frames, from `(pc, fp)` outwards to `entry_fp`, until `visit` has enough.
///
/// # Safety
///
/// `fp` is the frame pointer of a live guest frame whose chain leads to `entry_fp`.
pub(crate) unsafe fn walk(pc: usize, fp: usize, entry_fp: usize, mut visit: impl FnMut(usize) -> bool) {
    // SAFETY: by contract.
    unsafe { walk_frames(pc, fp, entry_fp, |pc, _| visit(pc)) }
}

/// The same with each frame's frame pointer.
///
/// # Safety
///
/// As for [`walk`].
pub(crate) unsafe fn walk_frames(mut pc: usize, mut fp: usize, entry_fp: usize, mut visit: impl FnMut(usize, usize) -> bool) {
    while visit(pc, fp) {
        if fp == 0 || fp == entry_fp {
            break;
        }
        // SAFETY: a guest frame's first two words are the caller's frame pointer and the return address.
        unsafe {
            let frame = fp as *const usize;
            pc = *frame.add(1);
            fp = *frame;
        }
        if fp == entry_fp {
            // The return address of the outermost guest frame lies in the entry stub.
            break;
        }
    }
}

/// What is known about a program counter in guest code: a frame for each body that it is in, from the inside.
///
/// # Safety
///
/// The code is alive.
unsafe fn name(pc: usize, faulted: bool) -> Vec<Frame> {
    // SAFETY: by contract.
    let Some(site) = (unsafe { registry::lookup(pc) }) else { return Vec::new() };
    let Some(debug) = site.owner.downcast_ref::<ModuleDebug>() else { return Vec::new() };
    let position = if faulted { site.trap_wasm_offset.or(site.wasm_offset) } else { site.wasm_offset };
    match position {
        Some(position) => {
            inlined_frames(site.func, site.inlined, position).map(|(func, at)| frame(debug, func, Some(at as usize))).collect()
        }
        None => vec![frame(debug, site.func, None)],
    }
}

fn frame(debug: &ModuleDebug, func: DefinedFuncIndex, wasm_offset: Option<usize>) -> Frame {
    let func_index = debug.module.func_index(func);
    let names = debug.module.names(&debug.wire_bytes);
    Frame {
        module_name: names.module.as_deref().map(str::to_owned),
        func_index,
        func_name: names.funcs.get(&func_index).map(|name| name.to_string()).or_else(|| export_name(debug, func_index)),
        wasm_offset,
    }
}

fn export_name(debug: &ModuleDebug, func: crate::base::FuncIndex) -> Option<String> {
    let wanted = crate::wasm::module::ExportIndex::Func(func);
    debug.module.exports.iter().find(|export| export.index == wanted).map(|export| export.name.to_string())
}

/// The frames of the activations that wait outside of the innermost one, innermost first.
///
/// # Safety
///
/// The chain of activations is that of the calling thread.
pub(crate) unsafe fn outer_frames(mut activation: *const Activation) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut buffer = TraceBuffer::default();
    // SAFETY: activations live on the stack below their callees, hence outlive this walk.
    while let Some(outer) = unsafe { activation.as_ref() } {
        let ActivationWords { exit_pc, exit_fp, entry_fp, .. } = outer.words;
        if exit_pc != 0 {
            // SAFETY: the guest frame that left for the host function is still on the stack.
            unsafe {
                buffer.capture(exit_pc, exit_fp, entry_fp, false);
                frames.extend(buffer.frames());
            }
        }
        activation = outer.outer;
    }
    frames
}
