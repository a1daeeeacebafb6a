//! What is known of the calls of a body from running it.

use wasmparser::Operator;

use crate::abi::profile::{Targets, words};
use crate::base::tuning::PROFILE_EVIDENCE;
use crate::codegen::optimizing::func::Translator;

/// What is known of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Site {
    /// How often it was made, if it is a direct one.
    pub count: Option<u32>,
    /// Where it went, if it is an indirect one.
    pub targets: Option<Targets>,
}

impl Translator<'_> {
    /// Passes over an operator that cannot be reached, which may be a call.
    pub(super) fn skip_site(&mut self, operator: &Operator<'_>) {
        self.inside.profile_words += words(operator);
    }

    /// The next call of the body. Nothing is known where the body has not done enough to say.
    pub(super) fn next_site(&mut self, operator: &Operator<'_>) -> Site {
        let (word, is_direct) = (self.inside.profile_words, matches!(operator, Operator::Call { .. }));
        self.skip_site(operator);
        let profile = self.inside.profile.as_ref().filter(|profile| profile.evidence() >= PROFILE_EVIDENCE);
        Site {
            count: profile.filter(|_| is_direct).and_then(|profile| profile.count(word)),
            targets: profile.filter(|_| !is_direct).and_then(|profile| profile.targets(word)),
        }
    }

    /// How often the most frequent call of the body was made.
    pub(super) fn evidence(&self) -> u32 {
        self.inside.profile.as_ref().map_or(0, |profile| profile.evidence())
    }

    /// Code that is hardly ever reached goes out of the way of what is.
    pub(super) fn note_rare(&mut self) {
        let block = self.builder.current_block();
        if let Some(block) = block.filter(|_| block != self.builder.func.layout.entry_block()) {
            self.builder.set_cold_block(block);
        }
    }
}
