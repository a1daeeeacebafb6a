//! Which code the stacks of a store show: so that code that better code has replaced can be freed.
//!
//! *Problem.* A code space frees old code when everybody who runs code of it has shown what is on their stacks
//! ([`code::reclaim`](crate::code::reclaim)). A store must do that often enough, and calls must not pay for it.
//!
//! *Idea.* The store is one reporter in each code space that its instances run. Publishers ring its bell; the store looks at that one word when a
//! guest calls a host function, and when the outermost call returns. Only then are stacks walked: from the frame that left for the host, and
//! from each activation that waits outside.
//!
//! **Invariants:** a store is a reporter before its first instance of a module can run. A report is made while the guest has left for a
//! host function or there is none, never between reading a slot and entering what it holds, and not before the frames of a trap
//! have their names. Frames that wait on another thread than the present one cannot be seen: then there is no report.

use std::collections::HashSet;

use crate::abi::artifact::CodeVariant;
use crate::base::sync::Arc;
use crate::code::bell::ReportBell;
use crate::code::{CodeSpace, LiveCode, ReporterId};
use crate::compile::module::Module;
use crate::runtime::activation::Waiting;
use crate::runtime::backtrace;
use crate::runtime::store::Store;

/// The code spaces that a store reports to.
#[derive(Debug, Default)]
pub(crate) struct CodeReports {
    spaces: Vec<Reported>,
    bell: Arc<ReportBell>,
}

/// Keeps the module, and so the space, alive.
#[derive(Debug)]
struct Reported {
    module: Module,
    variant: CodeVariant,
    reporter: ReporterId,
}

impl Reported {
    fn space(&self) -> Option<&CodeSpace> {
        self.module.code_space(self.variant)
    }
}

impl CodeReports {
    /// Reports to a module's code from now on. Called before any of it can run here.
    pub(crate) fn register(&mut self, module: &Module, variant: CodeVariant) {
        if self.spaces.iter().any(|known| known.variant == variant && known.module.is_same(module)) {
            return;
        }
        if let Some(space) = module.code_space(variant) {
            let reporter = space.add_reporter(Arc::clone(&self.bell));
            self.spaces.push(Reported { module: module.clone(), variant, reporter });
        }
    }

    /// Whether code was replaced since the last report.
    #[inline]
    pub(crate) fn is_rung(&self) -> bool {
        self.bell.is_rung()
    }

    /// Whether a report without frames would free something.
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        self.bell.is_due()
    }

    /// Reports only to the code that instances of these modules run.
    pub(crate) fn retain(&mut self, used: &HashSet<(usize, CodeVariant)>) {
        self.spaces.retain(|reported| {
            let is_used = used.contains(&(reported.module.identity(), reported.variant));
            if !is_used && let Some(space) = reported.space() {
                space.remove_reporter(reported.reporter);
            }
            is_used
        });
    }

    fn report(&self, live: &dyn LiveCode) -> usize {
        // Before the reports: who rings from now on is heard next time, if not by them.
        self.bell.clear();
        let spaces = self.spaces.iter().filter_map(|reported| Some((reported.space()?, reported.reporter)));
        spaces.map(|(space, reporter)| space.report(reporter, live)).sum()
    }
}

impl Drop for CodeReports {
    fn drop(&mut self) {
        // A store that is dropped has no frames.
        for reported in &self.spaces {
            if let Some(space) = reported.space() {
                space.remove_reporter(reported.reporter);
            }
        }
    }
}

/// Frames of one store.
struct Frames(Vec<Waiting>);

impl LiveCode for Frames {
    fn visit_pcs(&self, visit: &mut dyn FnMut(usize)) {
        for waiting in &self.0 {
            // SAFETY: the frame left for a host function that has not returned: it is on the stack, and leads to its entry frame.
            unsafe {
                backtrace::walk(waiting.exit_pc, waiting.exit_fp, waiting.entry_fp, |pc| {
                    visit(pc);
                    true
                });
            }
        }
    }
}

impl Store {
    /// Reports the code on this store's stacks, and returns the bytes of old code that this freed. Called while no guest of the store
    /// runs: there is none, or it has called a host function.
    #[cold]
    #[inline(never)]
    pub(crate) fn report_code(&mut self) -> usize {
        match self.waiting() {
            Some(waiting) => self.reports.report(&Frames(waiting)),
            None => 0,
        }
    }
}
