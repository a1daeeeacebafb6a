//! `deltic run`.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use deltic::{Func, Instance, Isolate, Linker, Module, StaticLimits, WasmEngine};

use crate::args::RunArgs;
use crate::exit::Exit;
use crate::load::Input;
use crate::stats::{Meter, cpu_time};
use crate::{cache, invoke, load, script, stubs, wasi};

/// Runs a script, or a module: what `--invoke` names, or `_start`, or `_initialize`.
pub fn run(args: &RunArgs) -> Result<(), Exit> {
    if script::is_script(&args.file) {
        return script::run(args);
    }
    let (meter, engine, module) = load(args)?;

    let isolate = Isolate::new(&engine).map_err(|error| Exit::file(&args.file, error))?;
    let mut guest = Guest {
        path: &args.file,
        module,
        isolate,
        instantiate: Duration::ZERO,
        started: Instant::now(),
        cpu_before_run: cpu_time(),
    };
    let done = guest.run(args);
    cache::keep(&guest.module);
    let done = if args.stats { print_stats(args, &meter, &guest, done) } else { done };
    // The process ends, and all of this with it. To drop it would wait for code in the making; files that are written from there want it whole.
    let is_recorded = args.engine.trace.is_some() || args.engine.jitdump.is_some() || args.engine.perf_map;
    if !is_recorded {
        std::mem::forget((guest, engine));
    }
    done
}

/// The module, compiled or to be compiled, and what it costs: from when its bytes are there, which are read together with its code if there is a cache.
fn load(args: &RunArgs) -> Result<(Meter, WasmEngine, Module), Exit> {
    let config = load::config(&args.engine)?;
    let input = Input::open(&args.file)?;
    if input.is_precompiled() {
        let meter = Meter::start();
        let engine = load::engine(&config)?;
        let key = cache::key(args.engine.cache.as_deref(), args.key.as_deref())?;
        let module = load::precompiled(&engine, &args.file, input, &key)?;
        return Ok((meter, engine, module));
    }
    let Some(cache) = cache::open(args.engine.cache.as_deref()) else {
        let bytes = input.bytes()?;
        let meter = Meter::start();
        let engine = load::engine(&config)?;
        let module = load::module(&engine, &args.file, bytes)?;
        return Ok((meter, engine, module));
    };
    let meter = Meter::start();
    let engine = load::engine(&config.with_code_cache(cache))?;
    let module = load::module_of(&engine, &args.file, input)?;
    Ok((meter, engine, module))
}

/// Prints what the run has cost, behind the guest's message.
fn print_stats(args: &RunArgs, meter: &Meter, guest: &Guest<'_>, done: Result<(), Exit>) -> Result<(), Exit> {
    let fuel_used = args.engine.fuel.map(|fuel| fuel.saturating_sub(guest.isolate.fuel()));
    let run = guest.started.elapsed().saturating_sub(guest.instantiate);
    let run_cpu = cpu_time().saturating_sub(guest.cpu_before_run);
    let mut stats = meter.ran(&guest.module.compile_stats(), guest.instantiate, (run, run_cpu), fuel_used);
    if let Some(heap) = guest.isolate.heap_stats() {
        Meter::heap(&mut stats, &heap);
    }
    // The guest's message comes first: the object is the last line.
    let status = done.map_or_else(Exit::report, |()| 0);
    let _ = writeln!(std::io::stderr(), "{stats}");
    if status == 0 { Ok(()) } else { Err(Exit::guest(status.cast_unsigned())) }
}

struct Guest<'a> {
    path: &'a Path,
    module: Module,
    isolate: Isolate,
    instantiate: Duration,
    started: Instant,
    cpu_before_run: Duration,
}

impl Guest<'_> {
    fn run(&mut self, args: &RunArgs) -> Result<(), Exit> {
        let linker = self.linker(args)?;
        if let Some(bytes) = args.max_memory {
            self.isolate.set_limiter(StaticLimits::new(bytes, u64::MAX));
        }
        if let Some(fuel) = args.engine.fuel {
            self.isolate.set_fuel(fuel);
        }
        self.isolate.set_deadline(args.timeout);
        self.started = Instant::now();
        let instance = linker.instantiate(&mut self.isolate, &self.module);
        self.instantiate = self.started.elapsed();
        self.cpu_before_run = cpu_time();
        let instance = instance.map_err(|error| Exit::link(self.path, &error))?;
        let _span = tracing::info_span!(target: deltic::trace::RUN, "run").entered();
        match &args.invoke {
            Some(name) => self.invoke(instance, name, args),
            None => self.start(instance),
        }
    }

    fn linker(&mut self, args: &RunArgs) -> Result<Linker, Exit> {
        let mut linker = Linker::new(self.isolate.engine());
        let uses_wasi = self.module.decoded().imports.iter().any(|import| &*import.module == wasi::MODULE_NAME);
        if uses_wasi {
            wasi::define(&mut linker, &mut self.isolate, args)?;
        }
        if args.stub_imports {
            let stubbed = stubs::define_missing(&mut linker, &mut self.isolate, &self.module);
            stubbed.map_err(|error| Exit::link(self.path, &error))?;
        }
        Ok(linker)
    }

    /// A command's `_start`, or a reactor's `_initialize`.
    fn start(&mut self, instance: Instance) -> Result<(), Exit> {
        let entry = ["_start", "_initialize"].into_iter().find_map(|name| instance.get_func(&mut self.isolate, name));
        match entry {
            Some(func) => self.call(func),
            // Instantiation has run it.
            None if self.module.decoded().start.is_some() => Ok(()),
            None => {
                let names = self.func_names(instance);
                let message = format!("no _start and no _initialize; name a function with --invoke. Exported functions: {names}");
                Err(Exit::file(self.path, message))
            }
        }
    }

    fn call(&mut self, func: Func) -> Result<(), Exit> {
        func.call(&mut self.isolate, &[]).map(|_| ()).map_err(|error| Exit::call(self.path, &error))
    }

    fn invoke(&mut self, instance: Instance, name: &str, args: &RunArgs) -> Result<(), Exit> {
        let Some(func) = instance.get_func(&mut self.isolate, name) else {
            let names = self.func_names(instance);
            return Err(Exit::file(self.path, format_args!("no exported function \"{name}\". Exported functions: {names}")));
        };
        let ty = func.ty(&self.isolate).ok_or_else(|| Exit::file(self.path, "a function without type"))?;
        let values = invoke::parse_args(&ty, &args.args).map_err(|error| Exit::usage(format_args!("{name}: {error}")))?;
        if let Some(initialize) = instance.get_func(&mut self.isolate, "_initialize").filter(|_| name != "_initialize") {
            self.call(initialize)?;
        }
        let results = func.call(&mut self.isolate, &values).map_err(|error| Exit::call(self.path, &error))?;
        let text: String = results.into_iter().map(|value| invoke::show(value) + "\n").collect();
        let written = std::io::stdout().write_all(text.as_bytes());
        written.map_err(|error| Exit::failure(format_args!("standard output: {error}")))
    }

    fn func_names(&mut self, instance: Instance) -> String {
        let exports = instance.exports(&mut self.isolate);
        let funcs = exports.into_iter().filter(|(_, value)| matches!(value, deltic::Extern::Func(_)));
        let names: Vec<String> = funcs.map(|(name, _)| name).collect();
        if names.is_empty() { "none".into() } else { names.join(", ") }
    }
}
