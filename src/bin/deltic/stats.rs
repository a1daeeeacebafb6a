//! `--stats`: what it cost, as one JSON object on one line.

use std::time::Duration;

use deltic::{CompileStats, HeapBytes, HeapStats};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// Processor time of this process from here on.
#[derive(Debug)]
pub struct Meter {
    start: Duration,
    /// What was on the heap then.
    heap_bytes: usize,
}

/// Processor time of this process so far.
pub fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

pub fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

impl Meter {
    pub fn start() -> Meter {
        HeapBytes::forget_peak();
        Meter { start: cpu_time(), heap_bytes: HeapBytes::now().map_or(0, |heap| heap.live) }
    }

    /// The keys that every command's object has. The processor time is that since the start. Validation is that of the module and that of
    /// all bodies, whose units are a part of compilation. `compiled` has how many functions were compiled in each tier so far, those twice that
    /// changed it, and in what processor time; which loops went on in better code, and how often; how many calls have bodies in their place.
    pub fn compiled(&self, stats: &CompileStats) -> Value {
        let [baseline, optimized] = stats.finished_by_tier;
        let compiled = json!({
            "baseline": baseline,
            "optimized": optimized,
            "loop_versions": stats.loop_versions,
            "loop_entries": stats.loop_entries,
            "tier_ups": stats.tier_ups,
            "loaded": stats.loaded,
            "loaded_bytes": stats.loaded_bytes,
            "inlined_sites": stats.inlined_sites,
            "cpu_ms": millis(stats.compile_cpu),
            "baseline_cpu_ms": millis(stats.cpu_times.baseline),
            "optimized_cpu_ms": millis(stats.cpu_times.optimized),
            "loop_versions_cpu_ms": millis(stats.cpu_times.loop_versions),
        });
        let [baseline, optimized] = stats.published_by_tier;
        json!({
            "code_bytes": stats.code_bytes,
            "functions": stats.functions,
            "native_bytes": stats.native_bytes,
            "validate_ms": millis(stats.validate_wall + stats.validate_bodies),
            "compile_ms": millis(stats.compile_wall),
            "cpu_ms": millis(cpu_time().saturating_sub(self.start)),
            "peak_rss_bytes": status_bytes("VmHWM"),
            "peak_heap_bytes": HeapBytes::now().map_or(0, |heap| heap.peak).saturating_sub(self.heap_bytes),
            "compiled": compiled,
            "published_bytes": { "baseline": baseline, "optimized": optimized },
        })
    }

    /// [`compiled`](Self::compiled), and what running took: wall and processor time.
    pub fn ran(&self, stats: &CompileStats, instantiate: Duration, run: (Duration, Duration), fuel_used: Option<u64>) -> Value {
        let mut object = self.compiled(stats);
        object["instantiate_ms"] = json!(millis(instantiate));
        object["run_ms"] = json!(millis(run.0));
        object["run_cpu_ms"] = json!(millis(run.1));
        if let Some(fuel) = fuel_used {
            object["fuel_used"] = json!(fuel);
        }
        object
    }

    /// The keys that tell of a heap.
    pub fn heap(object: &mut Value, heap: &HeapStats) {
        object["gc"] = json!({
            "minor_count": heap.minor_count,
            "minor_pause_p99_ms": millis(heap.minor_pauses.quantile(0.99)),
            "minor_pause_max_ms": millis(heap.minor_pauses.max()),
            "major_count": heap.major_count,
            "major_pause_max_ms": millis(heap.max_major_pause),
            "total_pause_ms": millis(heap.total_pause),
            "moved_objects": heap.moved_objects,
            "promoted_bytes": heap.promoted_bytes,
            "live_bytes": heap.live_bytes,
        });
    }
}

/// Memory of this process by a line of its status: "VmRSS" is what it has in physical memory, "VmHWM" the most that it had at once; 0 where
/// the system does not say.
pub fn status_bytes(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.map_or(0, |kib| kib * 1024)
}
