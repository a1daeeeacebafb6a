//! How deep a text may nest: an estimate before it is parsed, because parsing recurses.
//!
//! Problem: the parser, its semantic pass and everything behind them walk the tree recursively; a text must not overflow the
//! stack.
//!
//! Idea: one pass over the bytes bounds the tree's depth by what is open at each place: brackets, and within each pair of
//! brackets the operators
//! and words since the last `;`, `,` or beginning of a line that begins a statement. Small texts that cannot be deep are
//! parsed where they are asked for; others on a thread with a stack to suit;
//! what is deeper than that is refused. Literals are skipped as far as they are recognised without a grammar; where a slash
//! may be either a division or a
//! regular expression, the stack's size, which grows with the text, makes up for the estimate.

/// Brackets and operators open at once that are refused.
const MAX_OPEN: u32 = 12_000;

/// What must be done about a text's nesting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nesting {
    /// It is shallow.
    Shallow,
    /// It needs a stack of so many bytes.
    Deep(usize),
    /// It is refused; the offset in bytes where it becomes too deep.
    Refused(u32),
}

/// How deep the text may nest.
pub(super) fn estimate(text: &str) -> Nesting {
    let bytes = text.as_bytes();
    // No text nests deeper than it is long.
    if bytes.len() <= 160 {
        return Nesting::Shallow;
    }
    let mut scan = Scan {
        bytes,
        at: 0,
        open: Vec::new(),
        run: 0,
        total: 0,
        max: 0,
        raw: 0,
        refused: None,
        value: false,
        newline: false,
        behind_block: false,
    };
    scan.all();
    if let Some(at) = scan.refused {
        return Nesting::Refused(at);
    }
    if scan.max <= 120 && scan.raw <= 300 {
        return Nesting::Shallow;
    }
    Nesting::Deep((bytes.len() * 2_048).clamp(64 << 20, 1 << 30))
}

struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
    /// The runs of the brackets around, and whether the bracket is a template's substitution.
    open: Vec<(u32, bool)>,
    run: u32,
    total: u32,
    max: u32,
    /// Openers seen, whatever closes them.
    raw: u32,
    refused: Option<u32>,
    /// The last token ends a value: a slash divides.
    value: bool,
    /// There was a line terminator since the last token.
    newline: bool,
    /// The last token was a closing brace.
    behind_block: bool,
}

impl Scan<'_> {
    fn all(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            if matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c) {
                self.newline |= matches!(byte, b'\n' | b'\r');
                continue;
            }
            match byte {
                b'(' | b'[' | b'{' => self.enter(false),
                b')' | b']' | b'}' => self.leave(),
                b';' | b',' => self.reset(),
                b'\'' | b'"' => self.string(byte),
                b'`' => self.template(),
                b'/' => self.slash(),
                b'a'..=b'z' | b'A'..=b'Z' | b'$' | b'_' | b'0'..=b'9' | b'\\' | 0x80.. => self.word(),
                _ => {
                    self.value = false;
                    self.count();
                }
            }
            self.newline = false;
            self.behind_block = byte == b'}';
            if self.total > MAX_OPEN && self.refused.is_none() {
                self.refused = Some(self.at as u32 - 1);
                return;
            }
        }
    }

    fn count(&mut self) {
        self.run += 1;
        self.total += 1;
        self.max = self.max.max(self.total);
    }

    fn reset(&mut self) {
        self.total -= self.run;
        self.run = 0;
        self.value = false;
    }

    fn enter(&mut self, template: bool) {
        self.count();
        self.raw += 1;
        self.open.push((self.run, template));
        self.run = 0;
        self.value = false;
    }

    fn leave(&mut self) {
        self.total -= self.run;
        let (run, template) = self.open.pop().unwrap_or((0, false));
        self.run = run;
        self.value = true;
        if template {
            self.template();
        }
    }

    fn string(&mut self, quote: u8) {
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'\n' | b'\r' => break,
                _ if byte == quote => break,
                _ => {}
            }
        }
        self.value = true;
    }

    fn template(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'`' => break,
                b'$' if self.bytes.get(self.at) == Some(&b'{') => {
                    self.at += 1;
                    return self.enter(true);
                }
                _ => {}
            }
        }
        self.count();
        self.value = true;
    }

    fn slash(&mut self) {
        match self.bytes.get(self.at) {
            Some(b'/') => {
                while self.bytes.get(self.at).is_some_and(|byte| !matches!(byte, b'\n' | b'\r')) {
                    self.at += 1;
                }
            }
            Some(b'*') => {
                self.at += 1;
                while self.at < self.bytes.len() && !self.bytes[self.at..].starts_with(b"*/") {
                    self.at += 1;
                }
                self.at += 2;
            }
            _ if self.value => {
                self.value = false;
                self.count();
            }
            _ => self.regexp(),
        }
    }

    fn regexp(&mut self) {
        let mut class = false;
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'[' => class = true,
                b']' => class = false,
                b'\n' | b'\r' => break,
                b'/' if !class => break,
                _ => {}
            }
        }
        self.value = true;
    }

    fn word(&mut self) {
        let start = self.at - 1;
        let was_value = self.value;
        while self.bytes.get(self.at).is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'$' | b'_' | 0x80..)) {
            self.at += 1;
        }
        let word = &self.bytes[start..self.at.min(self.bytes.len())];
        self.value = !matches!(
            word,
            b"return"
                | b"typeof"
                | b"case"
                | b"in"
                | b"of"
                | b"do"
                | b"else"
                | b"void"
                | b"delete"
                | b"throw"
                | b"new"
                | b"instanceof"
                | b"await"
                | b"yield"
        );
        // A word behind a value begins another statement, on another line or behind a block, but for those that go on.
        let begins = self.behind_block || (was_value && self.newline);
        if begins && !matches!(word, b"else" | b"in" | b"instanceof" | b"of" | b"catch" | b"finally" | b"while") {
            let value = self.value;
            self.reset();
            self.value = value;
        }
        self.count();
    }
}
