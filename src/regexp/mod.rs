//! Regular expressions (§22.2.1, §22.2.2): from a pattern's text to places in a subject. Nothing here knows of JavaScript's heap.
//!
//! | file | what |
//! |---|---|
//! | `parse`, `escape`, `class` | the pattern's text to a tree, with all early errors |
//! | `tree` | the tree, flags |
//! | `set`, `case`, `property` | sets of characters, what is the same to `i`, what `\p{…}` names (`unicode.txt`) |
//! | `first` | with which characters a part can begin |
//! | `compile`, `program` | the tree to instructions |
//! | `run`, `subject` | the backtracking matcher, over code units of one or two bytes |
#![forbid(unsafe_code)]

mod case;
mod class;
mod compile;
mod escape;
mod first;
mod parse;
mod program;
mod property;
mod run;
mod set;
mod subject;
#[cfg(test)]
mod tests;
mod tree;

pub use run::{MatchError, Scratch};
pub use subject::Subject;
pub use tree::{Flags, SyntaxError};

use program::Program;

/// A compiled regular expression. It can be used by any thread.
#[derive(Debug)]
pub struct Regexp {
    program: Program,
    names: Vec<(String, Vec<u32>)>,
}

impl Regexp {
    /// Compiles a pattern (§22.2.3.4 ParsePattern, §22.2.2.2 CompilePattern).
    ///
    /// # Errors
    ///
    /// That the text is no pattern.
    pub fn new(pattern: &[u16], flags: Flags) -> Result<Self, SyntaxError> {
        let pattern = parse::parse(pattern, flags)?;
        let program = compile::compile(&pattern, flags)?;
        Ok(Regexp { program, names: pattern.names })
    }

    /// Only says whether a text is a pattern.
    ///
    /// # Errors
    ///
    /// That the text is no pattern.
    pub fn check(pattern: &[u16], flags: Flags) -> Result<(), SyntaxError> {
        parse::parse(pattern, flags).map(drop)
    }

    /// How many groups there are, the whole match included.
    pub fn group_count(&self) -> usize {
        self.program.group_count as usize
    }

    /// The names of groups, in the order of the pattern, each with its groups: at most one of them takes part in a match.
    pub fn names(&self) -> &[(String, Vec<u32>)] {
        &self.names
    }

    /// Looks for the first match that begins at a place or behind it; with `sticky` only at that place. The groups' places are then in
    /// `scratch`. Every some thousand steps `poll` is asked whether to give up.
    ///
    /// # Errors
    ///
    /// That `poll` wanted it to end, or that the backtrack stack is full.
    pub fn find(
        &self,
        subject: Subject<'_>,
        from: usize,
        sticky: bool,
        scratch: &mut Scratch,
        poll: &mut dyn FnMut() -> bool,
    ) -> Result<bool, MatchError> {
        let program = &self.program;
        match subject {
            Subject::Latin1(text) => run::find::<_, false>(program, text, from, sticky, scratch, poll),
            Subject::Utf16(text) if program.unicode => run::find::<_, true>(program, text, from, sticky, scratch, poll),
            Subject::Utf16(text) => run::find::<_, false>(program, text, from, sticky, scratch, poll),
        }
    }
}
