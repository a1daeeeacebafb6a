//! What a unit does when: spans for traces, and how long validation took.
//!
//! A compiler tells of the beginning of each phase ([`Phase`]); whatever it told of last goes on until the unit ends.

#![forbid(unsafe_code)]

use std::time::Duration;

use tracing::span::EnteredSpan;

use crate::base::trace;
use crate::codegen::compiler::Phase;
use crate::tasks::clock::Clock;

/// The phases of one unit.
pub(super) struct Phases<'c> {
    clock: &'c dyn Clock,
    traced: bool,
    /// The present phase, and its span if spans are wanted.
    span: Option<EnteredSpan>,
    validate_begun: Option<Duration>,
    validate: Duration,
}

impl<'c> Phases<'c> {
    pub(super) fn new(clock: &'c dyn Clock, traced: bool) -> Self {
        Phases { clock, traced, span: None, validate_begun: None, validate: Duration::ZERO }
    }

    /// Another phase begins.
    pub(super) fn begin(&mut self, phase: Phase) {
        self.close();
        if phase == Phase::Validate {
            self.validate_begun = Some(self.clock.now());
        }
        self.span = self.traced.then(|| match phase {
            Phase::Validate => tracing::debug_span!(target: trace::COMPILE, "validate").entered(),
            Phase::Compile => tracing::debug_span!(target: trace::COMPILE, "compile").entered(),
        });
    }

    /// The unit ends; gives the time for which it did nothing but validate.
    pub(super) fn end(mut self) -> Duration {
        self.close();
        self.validate
    }

    fn close(&mut self) {
        self.span = None;
        if let Some(begun) = self.validate_begun.take() {
            self.validate += self.clock.now().saturating_sub(begun);
        }
    }
}
