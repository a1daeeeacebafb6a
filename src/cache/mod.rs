//! Compiled code as bytes: what a process leaves for the next.
//!
//! *Problem.* Compiling costs far more than running most of what a module has, and is done again by every process. *Idea.* Code is
//! position-independent, and so is what is known of it: an [artifact](crate::abi::artifact::Artifact), [written down](record), is the same in any
//! process. A [file of code](file) has one record for each function, in the best tier that it had, with what it had recorded of its calls,
//! and a table that says where each record is and what it hashes to. The table is verified when the file is opened; a record when its function is first
//! called, out of a copy. Functions of which there is no sound record are compiled.
//!
//! What a file is good for is its [fingerprint](fingerprint): the build of this engine, the extensions of the processor that code
//! uses, and the settings that change code.
//!
//! **Invariants:** reading never trusts a length or a number that it has not compared; a record that is damaged costs the time to compile its
//! function, and nothing else.

#![forbid(unsafe_code)]

pub mod data_file;
pub mod file;
pub mod fingerprint;
pub mod module_file;
pub mod record;
mod words;
