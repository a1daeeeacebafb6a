//! The ways to compile that `deltic bench` compares. What the engine can do more goes into this table, and nowhere else.
#![forbid(unsafe_code)]

use deltic::{Config, Strategy, Tier};

/// One way to compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// What it is called on the command line, in the table and in the picture.
    pub name: &'static str,
    strategy: Strategy,
    tier: Option<Tier>,
}

/// All of them, in the order of the table.
pub const MODES: [Mode; 4] = [
    // The baseline tier at a function's first call, and never anything else.
    Mode { name: "lazy", strategy: Strategy::Lazy, tier: Some(Tier::Baseline) },
    // All functions before the first call.
    Mode { name: "baseline", strategy: Strategy::AheadOfTime, tier: Some(Tier::Baseline) },
    Mode { name: "optimized", strategy: Strategy::AheadOfTime, tier: Some(Tier::Optimized) },
    // Like "lazy", and functions that do much are compiled again while they run.
    Mode { name: "auto", strategy: Strategy::Lazy, tier: None },
];

impl Mode {
    /// The engine's configuration. All that a mode is about is said, whatever the defaults are.
    pub fn config(self, jobs: Option<usize>) -> Config {
        let config = Config::default().with_strategy(self.strategy);
        let config = self.tier.into_iter().fold(config, Config::with_tier);
        jobs.into_iter().fold(config, Config::with_num_compilation_tasks)
    }
}

/// The mode of a name.
pub fn named(name: &str) -> Result<Mode, String> {
    let found = MODES.into_iter().find(|mode| mode.name == name);
    found.ok_or_else(|| format!("the modes are {}", MODES.map(|mode| mode.name).join(", ")))
}
