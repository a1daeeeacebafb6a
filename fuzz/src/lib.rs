//! The checks of `tests/suite/fuzz`, for the targets of this package.

#[path = "../../tests/suite/fuzz/decode.rs"]
pub mod decode;
#[path = "../../tests/suite/fuzz/differential.rs"]
pub mod differential;
#[path = "../../tests/suite/fuzz/generate.rs"]
pub mod generate;
#[path = "../../benches/common/modules.rs"]
pub mod modules;
#[path = "../../tests/suite/fuzz/observe.rs"]
pub mod observe;
#[path = "../../tests/suite/fuzz/oracle.rs"]
pub mod oracle;
#[path = "../../tests/suite/fuzz/random.rs"]
pub mod random;
#[path = "../../tests/suite/fuzz/subject.rs"]
pub mod subject;
#[path = "../../tests/suite/fuzz/token.rs"]
pub mod token;
