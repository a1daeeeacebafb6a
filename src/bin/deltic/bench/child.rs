//! One mode in a process of its own: calls again and again, and prints what came of it as one line of JSON.
//!
//! The engine is there before the clock starts, as V8 is there when Node starts a script; the clock starts before the module's file is
//! opened.
#![forbid(unsafe_code)]

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use deltic::{CallError, Func, Instance, Isolate, Linker, Module};

use super::curve::{Curve, POINT_STEP};
use super::modes::Mode;
use super::report::Measurement;
use crate::args::BenchArgs;
use crate::exit::Exit;
use crate::stats::{millis, status_bytes};
use crate::{invoke, load, wasi};

/// Measures one mode.
pub fn measure(args: &BenchArgs, mode: Mode) -> Result<(), Exit> {
    let (Some(file), Some(name)) = (&args.file, &args.invoke) else {
        return Err(Exit::usage("a file and a function are needed"));
    };
    let engine = load::engine(&mode.config(args.jobs))?;
    let own_bytes = status_bytes("VmRSS") as f64;

    let mut calls = Calls::starting_now(args.time);
    let bytes = load::read(file)?;
    let module = load::module(&engine, file, bytes)?;
    let isolate = Isolate::new(&engine).map_err(|error| Exit::file(file, error))?;
    let mut linker = Linker::new(&engine);
    linker.stub_missing_funcs(args.stub_imports);
    wasi::define_functions(&mut linker)?;
    let mut guest = Guest { file, name, args, module, linker, isolate };
    guest.run(&mut calls)?;

    let stats = guest.module.compile_stats();
    let curve = Curve::new(calls.points).ok_or_else(|| Exit::file(file, "the clock does not go on"))?;
    let measurement = Measurement {
        curve,
        compile_cpu_ms: Some(millis(stats.compile_cpu)),
        code_bytes: Some(stats.published_by_tier.map(|bytes| bytes as f64)),
        peak_bytes: status_bytes("VmHWM") as f64,
        own_bytes,
    };
    let written = writeln!(std::io::stdout(), "{}", measurement.to_json());
    written.map_err(|error| Exit::failure(format_args!("standard output: {error}")))
}

/// Notes when calls end.
struct Calls {
    begun: Instant,
    time: Duration,
    count: u64,
    /// Before this nothing is noted.
    next: f64,
    points: Vec<(f64, f64)>,
}

impl Calls {
    fn starting_now(time: Duration) -> Calls {
        Calls { points: Vec::with_capacity(2048), begun: Instant::now(), time, count: 0, next: 0.0 }
    }

    /// The first call begins now.
    fn begin(&mut self) {
        self.points.push((self.begun.elapsed().as_secs_f64() * 1e3, 0.0));
    }

    /// A call has ended. True if there is time for another.
    fn ended(&mut self) -> bool {
        self.count += 1;
        let elapsed = self.begun.elapsed();
        let (time, goes_on) = (elapsed.as_secs_f64() * 1e3, elapsed < self.time);
        if time >= self.next || !goes_on {
            self.next = time * POINT_STEP;
            self.points.push((time, self.count as f64));
        }
        goes_on
    }
}

struct Guest<'a> {
    file: &'a Path,
    name: &'a str,
    args: &'a BenchArgs,
    module: Module,
    linker: Linker,
    isolate: Isolate,
}

impl Guest<'_> {
    fn run(&mut self, calls: &mut Calls) -> Result<(), Exit> {
        if self.name == super::COMMAND { self.commands(calls) } else { self.function(calls) }
    }

    /// A function of one instance.
    fn function(&mut self, calls: &mut Calls) -> Result<(), Exit> {
        wasi::define_silent(&mut self.isolate, self.file.as_os_str(), &self.args.args)?;
        let instance = self.linker.instantiate(&mut self.isolate, &self.module).map_err(|error| Exit::link(self.file, &error))?;
        let func = exported(&mut self.isolate, instance, self.file, self.name)?;
        let ty = func.ty(&self.isolate).ok_or_else(|| Exit::file(self.file, "a function without type"))?;
        let values =
            invoke::parse_args(&ty, &self.args.args).map_err(|error| Exit::usage(format_args!("{}: {error}", self.name)))?;
        if let Some(initialize) = instance.get_func(&mut self.isolate, "_initialize").filter(|_| self.name != "_initialize") {
            initialize.call(&mut self.isolate, &[]).map_err(|error| Exit::call(self.file, &error))?;
        }
        calls.begin();
        loop {
            func.call(&mut self.isolate, &values).map_err(|error| Exit::call(self.file, &error))?;
            if !calls.ended() {
                return Ok(());
            }
        }
    }

    /// A command runs once in an instance: each call has one of its own, and making it is a part of the call.
    fn commands(&mut self, calls: &mut Calls) -> Result<(), Exit> {
        let Guest { file, name, args, ref module, ref linker, ref mut isolate } = *self;
        calls.begin();
        loop {
            wasi::define_silent(isolate, file.as_os_str(), &args.args)?;
            isolate.root_scope(|isolate| {
                let instance = linker.instantiate(&mut *isolate, module).map_err(|error| Exit::link(file, &error))?;
                let start = exported(isolate, instance, file, name)?;
                match start.call(&mut *isolate, &[]) {
                    Err(CallError::Trap(trap)) if wasi::exit_status(&trap) == Some(0) => Ok(()),
                    done => done.map(|_| ()).map_err(|error| Exit::call(file, &error)),
                }
            })?;
            if !calls.ended() {
                return Ok(());
            }
        }
    }
}

fn exported(isolate: &mut Isolate, instance: Instance, file: &Path, name: &str) -> Result<Func, Exit> {
    instance.get_func(isolate, name).ok_or_else(|| Exit::file(file, format_args!("no exported function \"{name}\"")))
}
