//! Streaming compilation: a module is decoded, validated and compiled while its bytes come.
//!
//! *Problem.* A module that comes over a network takes its time, in which processors could do what has to be done anyway. *Idea.* What a function
//! needs stands in front of the code section. With the first body, therefore, the module's environment is complete, a native module and a
//! [job](crate::compile::job) are made, and bodies become units as they come. What stands behind the bodies belongs to no function, and is added
//! at the end ([`Tail`](crate::wasm::module::Tail)).
//!
//! ```text
//!  push: bytes ──> GrowingBytes ──> Decoder ──> bodies arrive ──> wake tasks that rest
//!                        │                           │
//!  workers:              └───────── read ───────  units: compile, or validate if functions are compiled lazily
//!
//!  the job ends when its units are done and the stream has ended, whichever is last
//! ```
//!
//! If the engine has a module that begins alike (see `module_cache`), what comes is compared with it, and nothing is done before it differs.
//!
//! Text, which cannot be translated before it is complete, is collected. So is what does not fit the address space that the system gives.
//!
//! **Invariants:** bytes are copied once, to where they stay. A stream gives the module, or the error, that [`Module::new`] gives for all of its
//! bytes; what is wrong outside of bodies is told as soon as no bytes to come can change it, what is wrong with a body at the end, since anything else
//! comes first. No unit sees the part of a module that has not come. Giving up waits for no unit.

#![forbid(unsafe_code)]

mod progress;
mod received;

use std::time::Duration;

use crate::base::sync::Arc;
use crate::base::{limits, tuning};
use crate::compile::engine::WasmEngine;
use crate::compile::events::EventSink;
use crate::compile::module::Module;
use crate::compile::pending::PendingModule;
use crate::wasm::decode::{Decoded, Decoder, Head, code_section_start, decode_with, is_text, to_binary, too_large};
use crate::wasm::error::{CompileError, CompileErrorKind};
pub(super) use progress::Validating;
use progress::{InProgress, Work};
use received::Received;

/// A module whose bytes are coming. Dropping it gives it up, as [`abort`](Self::abort) does.
///
/// ```
/// use deltic::{Config, StreamingCompiler, WasmEngine};
///
/// let engine = WasmEngine::new(&Config::default())?;
/// let bytes = wat::parse_str("(module (func (export \"seven\") (result i32) i32.const 7))")?;
/// let mut stream = StreamingCompiler::new(&engine);
/// for chunk in bytes.chunks(16) {
///     stream.push(chunk)?;
/// }
/// let module = stream.finish()?;
/// assert_eq!(module.decoded().exports.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping it gives the module up"]
pub struct StreamingCompiler {
    engine: WasmEngine,
    sink: Option<Arc<dyn EventSink>>,
    state: State,
}

#[derive(Debug)]
enum State {
    Open(Box<Stream>),
    Failed(CompileError),
    /// It was finished.
    Over,
}

/// What has come, and what was made of it.
#[derive(Debug)]
struct Stream {
    received: Received,
    /// Whether it is text, once that is certain.
    is_text: Option<bool>,
    decoder: Decoder,
    /// Time that decoding took.
    decode_wall: Duration,
    begun: Begun,
}

/// Work in the background.
#[derive(Debug)]
enum Begun {
    /// No body has come.
    Not,
    /// It cannot be done while bytes come. If there is an error in that, the end says so.
    Never,
    /// Nothing needs to be done as long as what comes is what this module has.
    Known(Module),
    Yes(InProgress),
}

/// A stream whose last byte was decoded.
enum Ended {
    /// Nothing was begun. With the time that decoding took.
    Whole(Decoded, Duration),
    Begun(InProgress),
    /// The module was there.
    Known(Module),
}

impl StreamingCompiler {
    /// A stream of which nothing has come.
    pub fn new(engine: &WasmEngine) -> Self {
        Self::with_sink(engine, None)
    }

    /// The same, with a bell for [events](crate::compile::CompileEvent) of the module that comes of it.
    pub fn with_sink(engine: &WasmEngine, sink: Option<Arc<dyn EventSink>>) -> Self {
        Self::with_room(engine, sink, limits::MODULE_BYTES)
    }

    /// A stream of which so many bytes are compiled as they come. More are collected, and compiled at the end.
    fn with_room(engine: &WasmEngine, sink: Option<Arc<dyn EventSink>>, room_bytes: usize) -> Self {
        let stream = Stream {
            received: Received::new(room_bytes),
            is_text: None,
            decoder: Decoder::new(engine.config().features()),
            decode_wall: Duration::ZERO,
            begun: Begun::Not,
        };
        StreamingCompiler { engine: engine.clone(), sink, state: State::Open(Box::new(stream)) }
    }

    /// More bytes: any number, of the binary or the text format. Returns when they were decoded. Without background tasks, bodies are compiled
    /// here, about as many as came.
    ///
    /// # Errors
    ///
    /// The module is malformed, invalid outside of its bodies, or beyond a limit, whatever else may come; and this error again for all bytes
    /// that do.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), CompileError> {
        let pushed = match &mut self.state {
            State::Open(stream) => stream.push(&self.engine, &self.sink, bytes),
            State::Failed(error) => Err(error.clone()),
            State::Over => Err(given_up()),
        };
        if let Err(error) = &pushed {
            self.leave(State::Failed(error.clone()));
        }
        pushed
    }

    /// There are no more bytes: the module, as [`Module::new`] makes it. Works along until it is done.
    ///
    /// # Errors
    ///
    /// As for [`Module::new`]: the same for the same bytes.
    pub fn finish(mut self) -> Result<Module, CompileError> {
        let module = match self.end()? {
            Ended::Whole(decoded, wall) => Module::prepare(&self.engine, decoded, wall, self.sink.take(), None)?.compiled()?,
            Ended::Begun(begun) => begun.wait(&self.engine)?,
            Ended::Known(module) => return Ok(module),
        };
        Ok(self.engine.adopt(module))
    }

    /// There are no more bytes: the module on its way, which dropping gives up.
    ///
    /// # Errors
    ///
    /// The module is malformed, or invalid outside of its bodies.
    pub fn finish_in_background(mut self) -> Result<PendingModule, CompileError> {
        let begun = match self.end()? {
            Ended::Known(module) => return Ok(PendingModule::ready(module, self.sink.as_deref())),
            Ended::Begun(begun) => begun,
            Ended::Whole(decoded, wall) => {
                let module = Module::prepare(&self.engine, decoded, wall, self.sink.take(), None)?;
                let mut begun = InProgress::new(&self.engine, module)?;
                begun.end(&self.engine, wall);
                begun
            }
        };
        let InProgress { work, module, .. } = begun;
        Ok(match work {
            Work::Compile(_) => PendingModule::new(module),
            Work::Validate(validating) => PendingModule::validating(module, validating),
        })
    }

    /// Gives the module up, and returns at once: units that run are asked to stop, and what they make is dropped. After
    /// [`finish`](Self::finish) there is nothing left to give up.
    pub fn abort(self) {
        drop(self);
    }

    /// The last bytes are decoded, and all bodies handed to whoever works on them.
    fn end(&mut self) -> Result<Ended, CompileError> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Open(stream) => stream.end(&self.engine, &self.sink),
            State::Failed(error) => Err(error),
            State::Over => Err(given_up()),
        }
    }

    /// Gives up what there is.
    fn leave(&mut self, next: State) {
        if let State::Open(stream) = std::mem::replace(&mut self.state, next) {
            stream.give_up(&self.engine);
        }
    }
}

impl Drop for StreamingCompiler {
    fn drop(&mut self) {
        self.leave(State::Over);
    }
}

fn given_up() -> CompileError {
    CompileError::new(CompileErrorKind::Cancelled, "the module was given up", None)
}

impl Stream {
    fn push(&mut self, engine: &WasmEngine, sink: &Option<Arc<dyn EventSink>>, bytes: &[u8]) -> Result<(), CompileError> {
        if self.received.len().saturating_add(bytes.len()) > limits::MODULE_BYTES {
            return Err(too_large());
        }
        let before = self.received.len();
        self.received.append(bytes)?;
        if let Begun::Known(module) = &self.begun {
            if module.wire_bytes().get(before..before + bytes.len()) == Some(bytes) {
                return Ok(());
            }
            self.begun = Begun::Not;
        }
        // Spaces in front say nothing, and are not looked at again.
        self.is_text = self.is_text.or_else(|| is_text(bytes));
        match self.is_text {
            Some(false) => self.advance(engine, sink, bytes.len()),
            Some(true) | None => Ok(()),
        }
    }

    /// Decodes what can be, and has it compiled.
    fn advance(
        &mut self,
        engine: &WasmEngine,
        sink: &Option<Arc<dyn EventSink>>,
        pushed_bytes: usize,
    ) -> Result<(), CompileError> {
        if !self.received.is_in_place() {
            // What was begun reads bytes that are not all.
            self.begun = Begun::Never;
            return Ok(());
        }
        self.decode(engine, false)?;
        if let (Begun::Not, Some(head)) = (&self.begun, self.decoder.head()) {
            self.begun = match self.find(engine) {
                Some(known) => Begun::Known(known),
                None => self.begin(engine, sink, head.clone()).map_or(Begun::Never, Begun::Yes),
            };
        }
        if let Begun::Yes(begun) = &mut self.begun {
            begun.feed(engine, self.decoder.body_count(), pushed_bytes);
        }
        Ok(())
    }

    fn decode(&mut self, engine: &WasmEngine, is_all: bool) -> Result<(), CompileError> {
        let clock = engine.config().clock();
        let begun = clock.now();
        let result = self.decoder.advance(self.received.bytes(), is_all);
        self.decode_wall += clock.now().saturating_sub(begun);
        result
    }

    /// A module that begins as this one has so far.
    fn find(&self, engine: &WasmEngine) -> Option<Module> {
        let bytes = self.received.bytes();
        engine.module_cache()?.find_by_begin(bytes, code_section_start(bytes)?)
    }

    fn begin(&self, engine: &WasmEngine, sink: &Option<Arc<dyn EventSink>>, head: Head) -> Result<InProgress, CompileError> {
        let Head { module, validation } = head;
        let decoded = Decoded { wire_bytes: self.received.wire_bytes(), module, validation };
        InProgress::new(engine, Module::prepare(engine, decoded, self.decode_wall, sink.clone(), None)?)
    }

    fn end(mut self: Box<Self>, engine: &WasmEngine, sink: &Option<Arc<dyn EventSink>>) -> Result<Ended, CompileError> {
        if self.is_text == Some(true) || !self.received.is_in_place() {
            let clock = engine.config().clock();
            let begun = clock.now();
            // What was translated or has grown out of its place is decoded as any whole module.
            let decoded = decode_with(to_binary(self.received.bytes())?, engine.config().features())?;
            return Ok(Ended::Whole(decoded, clock.now().saturating_sub(begun)));
        }
        match std::mem::replace(&mut self.begun, Begun::Never) {
            Begun::Known(module) if module.wire_bytes().len() == self.received.len() => return Ok(Ended::Known(module)),
            // More should have come.
            Begun::Known(_) => {}
            begun => self.begun = begun,
        }
        let before = self.decode_wall;
        self.decode(engine, true)?;
        // Bodies that came with the last bytes.
        self.advance(engine, sink, 0)?;
        let Stream { received, decoder, decode_wall, begun, .. } = *self;
        let decoded = decoder.finish(received.finish())?;
        Ok(match begun {
            Begun::Yes(mut begun) => {
                begun.end(engine, decode_wall.saturating_sub(before));
                Ended::Begun(begun)
            }
            Begun::Not | Begun::Never | Begun::Known(_) => Ended::Whole(decoded, decode_wall),
        })
    }

    /// What is large is freed by another thread, behind the owner of the code, who is here.
    fn give_up(self: Box<Self>, engine: &WasmEngine) {
        let Stream { received, decoder, begun, .. } = *self;
        let remains = match &begun {
            Begun::Yes(begun) => Some(begun.remains()),
            Begun::Not | Begun::Never | Begun::Known(_) => None,
        };
        let is_large = received.len() >= tuning::FREE_ELSEWHERE_BYTES;
        let parts = (received, decoder, remains);
        if is_large {
            let elsewhere = engine.poster().to_drop(parts);
            drop(begun);
            drop(elsewhere);
        } else {
            drop(begun);
            drop(parts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::config::{Config, Strategy};

    /// Where address space is short, a stream that outgrows what there was is compiled at its end.
    #[test]
    fn a_stream_may_outgrow_its_room() {
        let funcs: String = (0..500).map(|n| format!("(func (export \"f{n}\") (result i32) i32.const {n})")).collect();
        let bytes = wat::parse_str(format!("(module {funcs})")).expect("a module");
        for strategy in [Strategy::Lazy, Strategy::Eager] {
            for tasks in [0, 2] {
                let config = Config::default().with_strategy(strategy).with_num_compilation_tasks(tasks);
                let engine = WasmEngine::new(&config.with_module_sharing(false)).expect("an engine");
                let run = |room_bytes, bytes: &[u8]| {
                    let mut stream = StreamingCompiler::with_room(&engine, None, room_bytes);
                    bytes.chunks(100).try_for_each(|chunk| stream.push(chunk))?;
                    stream.finish()
                };
                for room_bytes in [1, bytes.len() * 3 / 4, bytes.len()] {
                    let module = run(room_bytes, &bytes).expect("a module");
                    assert!(**module.wire_bytes() == *bytes && module.decoded().exports.len() == 500);
                    let short = &bytes[..bytes.len() - 1];
                    assert_eq!(run(room_bytes, short).err(), Module::new(&engine, short).err());
                }
                assert_eq!(engine.live_module_count(), 0);
            }
        }
    }
}
