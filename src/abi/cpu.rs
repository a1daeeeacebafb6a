//! What the processor can do that code is for, as a set whose bits never change their meaning: it is part of cache keys.
//!
//! Compilers take such a set, and do not look at the processor: what they make depends on it alone.

#![forbid(unsafe_code)]

use bitflags::bitflags;

macro_rules! cpu_features {
    ($($name:ident = $bit:literal, $text:tt;)*) => {
        bitflags! {
            /// Instruction set extensions of x86-64. **Invariant:** a bit is never given another meaning.
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            pub struct CpuFeatures: u64 {
                $(#[doc = $text] const $name = 1 << $bit;)*
            }
        }

        impl CpuFeatures {
            /// All of them, with the names that Rust and Intel give them.
            pub const TABLE: &'static [(CpuFeatures, &'static str)] = &[$((CpuFeatures::$name, $text),)*];

            fn detect() -> CpuFeatures {
                let mut found = CpuFeatures::empty();
                $(if std::arch::is_x86_feature_detected!($text) { found |= CpuFeatures::$name; })*
                found
            }
        }
    };
}

cpu_features! {
    SSE3 = 0, "sse3";
    SSSE3 = 1, "ssse3";
    SSE41 = 2, "sse4.1";
    SSE42 = 3, "sse4.2";
    POPCNT = 4, "popcnt";
    LZCNT = 5, "lzcnt";
    BMI1 = 6, "bmi1";
    BMI2 = 7, "bmi2";
    AVX = 8, "avx";
    AVX2 = 9, "avx2";
    FMA = 10, "fma";
    F16C = 11, "f16c";
    ADX = 12, "adx";
    MOVBE = 13, "movbe";
    CMPXCHG16B = 14, "cmpxchg16b";
    AVX512F = 15, "avx512f";
    AVX512VL = 16, "avx512vl";
    AVX512DQ = 17, "avx512dq";
    AVX512BW = 18, "avx512bw";
    AVX512CD = 19, "avx512cd";
    AVX512BITALG = 20, "avx512bitalg";
    AVX512VBMI = 21, "avx512vbmi";
    AVX512VPOPCNTDQ = 22, "avx512vpopcntdq";
    PCLMULQDQ = 23, "pclmulqdq";
    AES = 24, "aes";
    SHA = 25, "sha";
    GFNI = 26, "gfni";
    AVX512VNNI = 27, "avx512vnni";
}

impl CpuFeatures {
    /// The extensions of the level x86-64-v2 of the System V ABI: processors since 2009.
    pub const V2: CpuFeatures = CpuFeatures::SSE3
        .union(CpuFeatures::SSSE3)
        .union(CpuFeatures::SSE41)
        .union(CpuFeatures::SSE42)
        .union(CpuFeatures::POPCNT)
        .union(CpuFeatures::CMPXCHG16B);

    /// Those of the level x86-64-v3: processors since 2013.
    pub const V3: CpuFeatures = CpuFeatures::V2
        .union(CpuFeatures::LZCNT)
        .union(CpuFeatures::BMI1)
        .union(CpuFeatures::BMI2)
        .union(CpuFeatures::AVX)
        .union(CpuFeatures::AVX2)
        .union(CpuFeatures::FMA)
        .union(CpuFeatures::F16C)
        .union(CpuFeatures::MOVBE);

    /// What this processor and system offer.
    pub fn host() -> CpuFeatures {
        CpuFeatures::detect()
    }

    /// The names of the features in the set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        CpuFeatures::TABLE.iter().filter(move |(feature, _)| self.contains(*feature)).map(|&(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::CpuFeatures;

    #[test]
    fn features_have_distinct_bits_and_names() {
        let host = CpuFeatures::host();
        assert_eq!(host.names().count(), host.bits().count_ones() as usize);
        let mut all = CpuFeatures::empty();
        for &(feature, name) in CpuFeatures::TABLE {
            assert!(!all.intersects(feature) && feature.bits().is_power_of_two(), "{name}");
            all |= feature;
        }
        assert_eq!(all, CpuFeatures::all());
        // Part of cache keys: never renumbered.
        assert_eq!((CpuFeatures::SSE41.bits(), CpuFeatures::AVX2.bits(), CpuFeatures::GFNI.bits()), (1 << 2, 1 << 9, 1 << 26));
    }
}
