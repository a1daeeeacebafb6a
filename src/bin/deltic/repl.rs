//! `deltic repl`.

use std::io::{BufRead, IsTerminal, Write};

use deltic::shell::{Shell, ShellConfig, ShellError};

use crate::exit::Exit;

/// Reads texts line by line and prints what they evaluate to, until the input ends. A text that is not complete goes on in the next line.
pub fn repl() -> Result<(), Exit> {
    let mut shell = Shell::new(&ShellConfig::default()).map_err(Exit::failure)?;
    let is_terminal = std::io::stdin().is_terminal();
    let prompt = |text: &str| {
        if is_terminal {
            print!("{text}");
            // Nobody is left to be told.
            let _ = std::io::stdout().flush();
        }
    };
    let mut text = String::new();
    prompt("> ");
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| Exit::failure(format_args!("standard input: {error}")))?;
        text.push_str(&line);
        text.push('\n');
        if line.is_empty() || !Shell::is_incomplete(&text) {
            match shell.run_text("repl", &text) {
                Ok(_) if text.trim().is_empty() => {}
                Ok(value) => println!("{value}"),
                Err(error @ (ShellError::Syntax(_) | ShellError::Uncaught(_))) => println!("{error}"),
                Err(error) => return Err(Exit::failure(error)),
            }
            if let Some(status) = shell.exit_status() {
                return if status == 0 { Ok(()) } else { Err(Exit::guest(status.cast_unsigned())) };
            }
            text.clear();
        }
        prompt(if text.is_empty() { "> " } else { "… " });
    }
    Ok(())
}
