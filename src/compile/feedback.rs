//! What units are told of how the module runs.
//!
//! **Invariant:** a profile is copied in a scope of its own, and a unit sees the same one each time that it asks.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::HashMap;

use crate::abi::profile::Profile;
use crate::base::DefinedFuncIndex;
use crate::base::sync::Arc;
use crate::codegen::compiler::Feedback;
use crate::compile::job::CompileJob;

/// What one unit is told.
pub(super) struct JobFeedback<'j> {
    job: &'j CompileJob,
    profiles: RefCell<HashMap<DefinedFuncIndex, Option<Arc<Profile>>>>,
}

impl<'j> JobFeedback<'j> {
    pub(super) fn new(job: &'j CompileJob) -> Self {
        JobFeedback { job, profiles: RefCell::default() }
    }

    fn read(&self, func: DefinedFuncIndex) -> Option<Arc<Profile>> {
        let scope = self.job.token.enter()?;
        let code = scope.native_module().variant(self.job.variant)?;
        code.space.as_ref()?.profile(func).map(Arc::new)
    }
}

impl Feedback for JobFeedback<'_> {
    fn is_hot(&self, func: DefinedFuncIndex) -> bool {
        self.job.states.is_wanted(func, self.job.shared.best_tier())
    }

    fn profile(&self, func: DefinedFuncIndex) -> Option<Arc<Profile>> {
        self.profiles.borrow_mut().entry(func).or_insert_with(|| self.read(func)).clone()
    }
}
