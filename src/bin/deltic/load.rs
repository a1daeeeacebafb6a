//! Files and engines.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use deltic::{
    CodeSettings, CompileErrorKind, Config, HeapSettings, JitDump, MacKey, Module, PerfMap, SharedBytes, Strategy, Tier,
    WasmEngine, is_precompiled_bytes, read_shared,
};

use crate::args::EngineArgs;
use crate::exit::Exit;

/// What holds a module.
pub enum Input {
    /// A file, which can be read more than once, and in parts.
    File(PathBuf),
    /// All that a pipe or standard input has said.
    Bytes(SharedBytes),
}

impl Input {
    /// Of a path; `-` is standard input.
    pub fn open(path: &Path) -> Result<Input, Exit> {
        refuse_scripts(path)?;
        if path == Path::new("-") {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
            return Ok(Input::Bytes(bytes.into()));
        }
        let can_be_read_again = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        if can_be_read_again {
            Ok(Input::File(path.to_owned()))
        } else {
            read_shared(path).map(Input::Bytes).map_err(|error| unreadable(path, &error))
        }
    }

    /// Whether that is a module that was compiled.
    pub fn is_precompiled(&self) -> bool {
        match self {
            Input::File(path) => {
                let mut first = [0; 8];
                File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok() && is_precompiled_bytes(&first)
            }
            Input::Bytes(bytes) => is_precompiled_bytes(bytes),
        }
    }

    /// All of it.
    pub fn bytes(self) -> Result<SharedBytes, Exit> {
        match self {
            Input::File(path) => read_shared(&path).map_err(|error| unreadable(&path, &error)),
            Input::Bytes(bytes) => Ok(bytes),
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Exit {
    Exit::failure(format_args!("cannot read {}: {error}", path.display()))
}

/// The bytes of a file that holds a module.
pub fn read(path: &Path) -> Result<SharedBytes, Exit> {
    Input::open(path)?.bytes()
}

fn refuse_scripts(path: &Path) -> Result<(), Exit> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("js" | "mjs" | "cjs") => Err(Exit::later(&format!("{}: JavaScript", path.display()))),
        _ => Ok(()),
    }
}

/// The configuration that the options ask for; with fuel when there is a bound on it.
pub fn config(args: &EngineArgs) -> Result<Config, Exit> {
    let settings = CodeSettings {
        canonicalize_nans: args.canonicalize_nans,
        deterministic_relaxed_simd: args.deterministic_simd,
        fuel: args.fuel.is_some(),
        ..CodeSettings::default()
    };
    let config = Config::default().with_code_settings(settings).with_memory_guards(!args.no_guard_pages);
    let default = HeapSettings::default();
    let heap = HeapSettings {
        limit_bytes: args.max_heap.unwrap_or(default.limit_bytes),
        nursery_bytes: args.nursery.map_or(default.nursery_bytes, |bytes| u32::try_from(bytes).unwrap_or(u32::MAX)),
        stress: args.gc_stress,
    };
    let config = config
        .with_heap(heap)
        .with_loop_versions(!args.no_osr)
        .with_inlining(!args.no_inlining)
        .with_call_profiles(!args.no_profiles);
    let config = match args.tier_up_calls {
        Some(calls) => config.with_tier_up_calls(calls),
        None => config,
    };
    let config = match args.tier_up_stress {
        Some(seed) => config.with_tier_up_stress(seed),
        None => config,
    };
    let config = if args.eager { config.with_strategy(Strategy::Eager) } else { config };
    let config = match args.max_compile_memory {
        Some(bytes) => config.with_compile_memory_limit(usize::try_from(bytes).unwrap_or(usize::MAX)),
        None => config,
    };
    let config = match args.max_compile_cpu {
        Some(limit) => config.with_compile_cpu_limit(limit),
        None => config,
    };
    let config = match args.max_compile_time {
        Some(limit) => config.with_compile_timeout(limit),
        None => config,
    };
    let config = config.with_over_budget(args.on_over_budget.unwrap_or_default());
    let config = match args.tier.as_deref() {
        Some("baseline") => config.with_tier(Tier::Baseline),
        Some("optimized") => config.with_tier(Tier::Optimized),
        _ => config,
    };
    let config = match args.jobs {
        Some(jobs) => config.with_num_compilation_tasks(jobs),
        None => config,
    };
    profiled(config, args)
}

/// The files that were asked for by which a profiler knows code.
fn profiled(mut config: Config, args: &EngineArgs) -> Result<Config, Exit> {
    if args.perf_map {
        let map = PerfMap::of_this_process();
        let map = map.map_err(|error| Exit::failure(format_args!("no file of names for perf: {error}")))?;
        config = config.with_perf_map(map);
    }
    if let Some(folder) = &args.jitdump {
        let dump = JitDump::in_folder(folder);
        let dump = dump.map_err(|error| Exit::failure(format_args!("no dump of code for perf: {error}")))?;
        config = config.with_jitdump(dump);
    }
    Ok(config)
}

/// An engine.
pub fn engine(config: &Config) -> Result<WasmEngine, Exit> {
    WasmEngine::new(config).map_err(|error| Exit::failure(format_args!("no engine on this machine: {error}")))
}

/// A compiled module.
pub fn module(engine: &WasmEngine, path: &Path, bytes: SharedBytes) -> Result<Module, Exit> {
    Module::from_shared(engine, bytes).map_err(|error| Exit::file(path, error))
}

/// A compiled module of a file, of which no more is read than it needs.
pub fn module_of(engine: &WasmEngine, path: &Path, input: Input) -> Result<Module, Exit> {
    match input {
        Input::Bytes(bytes) => module(engine, path, bytes),
        Input::File(file) => Module::from_file(engine, file).map_err(|error| match error.kind {
            CompileErrorKind::File => Exit::failure(error),
            _ => Exit::file(path, error),
        }),
    }
}

/// A module that was compiled by who has the key.
pub fn precompiled(engine: &WasmEngine, path: &Path, input: Input, key: &MacKey) -> Result<Module, Exit> {
    let module = match input {
        Input::Bytes(bytes) => Module::deserialize_with_key(engine, bytes, key),
        Input::File(file) => Module::deserialize_file_with_key(engine, file, key),
    };
    module.map_err(|error| Exit::file(path, error))
}
