//! How the process ends: one table of exit statuses, and the message on standard error.

use std::fmt::Display;
use std::io::Write;
use std::path::Path;

use deltic::{CallError, LinkError, Trap, TrapCode};

use crate::wasi;

/// A module, its imports or a file are at fault.
const BAD_MODULE: i32 = 1;
/// The command line is at fault.
const USAGE: i32 = 2;
/// Time or fuel is spent.
const SPENT: i32 = 124;
/// The guest trapped: the status of a process that aborted.
const TRAP: i32 = 134;

/// An end that is not success, or the guest's own.
#[derive(Debug)]
pub struct Exit {
    status: i32,
    message: Option<String>,
}

impl Exit {
    /// The guest chose the status.
    pub fn guest(status: u32) -> Exit {
        Exit { status: status.cast_signed(), message: None }
    }

    /// Its message.
    #[cfg(feature = "js")]
    pub fn into_message(self) -> String {
        self.message.unwrap_or_default()
    }

    /// The command line is at fault.
    pub fn usage(message: impl Display) -> Exit {
        Exit { status: USAGE, message: Some(message.to_string()) }
    }

    /// Something that this version does not have yet.
    pub fn later(what: &str) -> Exit {
        Exit::usage(format_args!("{what} is not in this version yet"))
    }

    /// A failure whose message says all.
    pub fn failure(message: impl Display) -> Exit {
        Exit { status: BAD_MODULE, message: Some(message.to_string()) }
    }

    /// A failure without further words: what went wrong was printed.
    pub fn failed() -> Exit {
        Exit { status: BAD_MODULE, message: None }
    }

    /// A file, or the module in it, is at fault.
    pub fn file(path: &Path, cause: impl Display) -> Exit {
        Exit::failure(format_args!("{}: {cause}", path.display()))
    }

    /// A script's error, which names its place itself.
    #[cfg(feature = "js")]
    pub fn uncaught(error: impl Display) -> Exit {
        Exit { status: BAD_MODULE, message: Some(error.to_string()) }
    }

    /// A script whose time is over.
    #[cfg(feature = "js")]
    pub fn spent(path: &Path) -> Exit {
        Exit { status: SPENT, message: Some(format!("{}: the time is over", path.display())) }
    }

    /// A module that could not be instantiated.
    pub fn link(path: &Path, error: &LinkError) -> Exit {
        match error {
            LinkError::Trap(trap) => Exit::trap(path, trap),
            error => Exit::file(path, error),
        }
    }

    /// A call that did not return.
    pub fn call(path: &Path, error: &CallError) -> Exit {
        match error {
            CallError::Trap(trap) => Exit::trap(path, trap),
            error => Exit::file(path, error),
        }
    }

    /// A guest that trapped, or left by WASI's `proc_exit`.
    pub fn trap(path: &Path, trap: &Trap) -> Exit {
        if let Some(status) = wasi::exit_status(trap) {
            return Exit::guest(status);
        }
        let status = match trap.code() {
            TrapCode::OutOfFuel | TrapCode::DeadlineExceeded => SPENT,
            _ => TRAP,
        };
        Exit { status, message: Some(format!("{}: {trap}", path.display())) }
    }

    /// Prints the message, and gives the status.
    pub fn report(self) -> i32 {
        if let Some(message) = self.message {
            // Nothing is left to be done when standard error is gone.
            let _ = writeln!(std::io::stderr(), "error: {message}");
        }
        self.status
    }
}
