//! What calls record of themselves ([`abi::profile`](crate::abi::profile)), where no operand is in the flags any more.

use crate::abi::artifact::{Helper, Reloc, RelocTarget};
use crate::abi::profile::COUNT;
use crate::asm::buffer::Label;
use crate::asm::x64::{Condition, Gpr};
use crate::codegen::baseline::function::{Function, StubKind};
use crate::codegen::baseline::registers::SCRATCH;

impl Function<'_> {
    /// The first word of a call that has so many, if calls are recorded.
    pub(super) fn next_site(&mut self, words: u32) -> Option<u32> {
        let word = self.profile_words;
        self.profile_words += words;
        self.env.settings.profile.then_some(word)
    }

    /// Counts a call whose callee is known.
    pub(super) fn record_call(&mut self, word: u32) {
        let at = self.buffers.asm.inc_rip();
        self.note_word(at, word + COUNT);
    }

    /// Counts the target of a call, of which a register has the dispatch slot: the first one at once.
    pub(super) fn record_target(&mut self, word: u32, target: Gpr) {
        debug_assert_eq!(target, Gpr::RAX, "the helper wants it there");
        let at = self.buffers.asm.cmp_rip_r(target);
        self.note_word(at, word);
        let next = self.buffers.asm.buffer.new_label();
        let elsewhere = self.stub(StubKind::Target(word, next));
        self.buffers.asm.jcc(Condition::NotEqual, elsewhere);
        let at = self.buffers.asm.inc_rip();
        self.note_word(at, word + COUNT);
        self.buffers.asm.buffer.bind(next);
    }

    /// Out of line: what the helper does with the other targets.
    pub(super) fn record_elsewhere(&mut self, word: u32, next: Label) {
        let at = self.buffers.asm.lea_rip(SCRATCH);
        self.note_word(at, word);
        let code_offset = self.buffers.asm.call_rip();
        self.buffers.relocs.push(Reloc { code_offset, target: RelocTarget::Helper(Helper::RecordTarget) });
        self.buffers.asm.jmp(next);
    }

    fn note_word(&mut self, code_offset: u32, word: u32) {
        self.buffers.relocs.push(Reloc { code_offset, target: RelocTarget::Profile(word) });
    }
}
