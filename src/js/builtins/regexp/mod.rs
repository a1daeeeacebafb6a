//! RegExp (§22.2). Patterns and matching are the layer [`regexp`](crate::regexp)'s.
//!
//! | file | what |
//! |---|---|
//! | `construct` | the constructor, RegExpCreate, `escape`, `compile` |
//! | `exec` | RegExpBuiltinExec, results |
//! | `flags` | the getters |
//! | `methods` | `exec`, `test`, `toString`, and what strings hand over |
//! | `replace`, `split` | `Symbol.replace` and `Symbol.split` |
//! | `iterator` | %RegExpStringIteratorPrototype% |
//! | `pristine` | whether nobody has changed what the methods look up, so that they need not |
//! | `legacy` | `RegExp.$1` and its like |
#![forbid(unsafe_code)]

mod construct;
mod exec;
mod flags;
mod iterator;
mod legacy;
mod methods;
mod pristine;
mod replace;
mod split;

use std::collections::HashMap;

use crate::base::sync::Arc;
use crate::js::builtins::install::Constructor;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::names::Name;
use crate::js::parse::regexp::AllFlags;
use crate::regexp::{Regexp, Scratch};

/// Internal slots.
const SOURCE: u32 = 0;
const FLAGS: u32 = 1;
/// A host value: the compiled pattern.
const MATCHER: u32 = 2;
const REALM: u32 = 3;

/// So many compiled patterns an agent keeps.
const MAX_COMPILED: usize = 256;

/// A pattern and its flags.
type Source = (Box<[u16]>, Box<[u16]>);

/// A compiled pattern with all its flags.
struct Matcher {
    regexp: Regexp,
    flags: AllFlags,
}

/// Compiled patterns, and the memory that matches use.
#[derive(Default)]
pub(in crate::js) struct Compiled {
    known: HashMap<Source, Arc<Matcher>>,
    scratch: Scratch,
}

impl Compiled {
    /// A compiled pattern, from the table or made now.
    fn get(&mut self, pattern: &[u16], flags: &[u16]) -> Result<Arc<Matcher>, String> {
        let key = (pattern.into(), flags.into());
        if let Some(known) = self.known.get(&key) {
            return Ok(Arc::clone(known));
        }
        let (regexp, all_flags) = crate::js::parse::regexp::compile(pattern, flags)?;
        let compiled = Arc::new(Matcher { regexp, flags: all_flags });
        if self.known.len() >= MAX_COMPILED {
            self.known.clear();
        }
        self.known.insert(key, Arc::clone(&compiled));
        Ok(compiled)
    }
}

/// Makes the constructor and the prototype.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let described = Constructor {
        name: Name::RegExp,
        native: construct::construct,
        length: 2,
        intrinsic: Intrinsic::RegExp,
        prototype: Intrinsic::RegExpPrototype,
    };
    let (constructor, prototype) = cx.install_constructor(described)?;
    cx.install_method(constructor, Name::escape, 1, construct::escape)?;
    cx.install_species(constructor)?;
    legacy::install(&mut cx, constructor)?;
    methods::install(&mut cx, prototype)?;
    flags::install(&mut cx, prototype)?;
    pristine::install(&mut cx, prototype)?;
    iterator::install(&mut cx)
}
