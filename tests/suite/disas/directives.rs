//! What the first lines of a file say of how it is compiled.

use deltic::CodeSettings;
use deltic::abi::artifact::{CodeVariant, Tier};
use deltic::abi::cpu::CpuFeatures;

/// See the [module's documentation](super).
#[derive(Debug)]
pub struct Directives {
    /// Tiers, the lowest first.
    pub tiers: Vec<Tier>,
    /// Extensions of the processor that the code is for.
    pub processor: CpuFeatures,
    /// For which memories.
    pub variant: CodeVariant,
    /// Settings of the compilers.
    pub settings: CodeSettings,
    /// Whether calls are replaced by bodies.
    pub inlines: bool,
    /// What functions have recorded of their calls (`deltic::abi::profile`): a target is 8 and 8 times the function's index.
    pub profile: Vec<u32>,
    /// The loop at which the code begins, counted from 1.
    pub loop_number: Option<usize>,
}

impl Directives {
    /// Reads the lines that begin with `;;!`.
    pub fn parse(text: &str) -> Result<Directives, String> {
        let mut directives = Directives {
            tiers: vec![Tier::Baseline, Tier::Optimized],
            processor: CpuFeatures::V3,
            variant: CodeVariant::Guarded,
            settings: CodeSettings::default(),
            inlines: false,
            profile: Vec::new(),
            loop_number: None,
        };
        for line in text.lines().filter_map(|line| line.strip_prefix(";;!")) {
            let (key, value) = line.split_once('=').ok_or_else(|| format!("no = in the directive{line}"))?;
            let value = value.trim().strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            let words = value.ok_or_else(|| format!("no \"value\" in the directive{line}"))?.split_whitespace();
            match key.trim() {
                "tier" => directives.tiers = words.map(tier).collect::<Result<_, _>>()?,
                "processor" => {
                    directives.processor = CpuFeatures::empty();
                    for word in words {
                        directives.processor |= processor(word)?;
                    }
                }
                "settings" => words.into_iter().try_for_each(|word| directives.set(word))?,
                "profile" => {
                    let numbers = words.map(|word| word.parse().map_err(|error| format!("{word}: {error}")));
                    directives.profile = numbers.collect::<Result<_, _>>()?;
                }
                "loop" => {
                    let number = value.and_then(|value| value.parse().ok()).filter(|number| *number > 0);
                    directives.loop_number = Some(number.ok_or_else(|| format!("not the number of a loop:{line}"))?);
                    directives.tiers = vec![Tier::Optimized];
                }
                other => return Err(format!("unknown directive {other}")),
            }
        }
        Ok(directives)
    }

    fn set(&mut self, word: &str) -> Result<(), String> {
        match word {
            "checked" => self.variant = CodeVariant::Checked,
            "fuel" => self.settings.fuel = true,
            "tier_up" => self.settings.tier_up = true,
            "profile" => self.settings.profile = true,
            "uninterruptible" => self.settings.interruptible = false,
            "no_hints" => self.settings.branch_hints = false,
            "canonical_nans" => self.settings.canonicalize_nans = true,
            "deterministic" => self.settings.deterministic_relaxed_simd = true,
            "inline" => self.inlines = true,
            _ => return Err(format!("unknown setting {word}")),
        }
        Ok(())
    }
}

fn tier(word: &str) -> Result<Tier, String> {
    match word {
        "baseline" => Ok(Tier::Baseline),
        "optimized" => Ok(Tier::Optimized),
        _ => Err(format!("unknown tier {word}")),
    }
}

fn processor(word: &str) -> Result<CpuFeatures, String> {
    let named = || CpuFeatures::TABLE.iter().find(|(_, name)| *name == word).map(|&(feature, _)| feature);
    match word {
        "v1" => Ok(CpuFeatures::empty()),
        "v2" => Ok(CpuFeatures::V2),
        "v3" => Ok(CpuFeatures::V3),
        _ => named().ok_or_else(|| format!("unknown processor {word}")),
    }
}
