//! What a test says of itself, between `/*---` and `---*/`: the small part of YAML that the suite uses.

/// The phase in which a negative test must fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Parse,
    Resolution,
    Runtime,
}

/// A test's metadata.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    pub negative: Option<(Phase, String)>,
    pub includes: Vec<String>,
    pub flags: Vec<String>,
    pub features: Vec<String>,
}

impl Metadata {
    /// Reads a test's metadata; a file without any has none.
    pub fn read(source: &str) -> Metadata {
        let mut metadata = Metadata::default();
        let block = source.split_once("/*---").and_then(|(_, rest)| rest.split_once("---*/")).map_or("", |(block, _)| block);
        let (mut key, mut phase, mut kind) = (String::new(), None, None);
        for line in block.lines() {
            let item = line.trim();
            let is_top = !line.starts_with([' ', '\t', '-']) && !item.is_empty();
            if is_top && let Some((name, value)) = item.split_once(':') {
                key = name.trim().to_owned();
                let list = value.trim().strip_prefix('[').map(|list| list.trim_end().trim_end_matches(']'));
                let items = list.unwrap_or_default().split(',').map(str::trim).filter(|item| !item.is_empty());
                metadata.extend(&key, items);
            } else if let Some(item) = item.strip_prefix("- ") {
                metadata.extend(&key, std::iter::once(item.trim()));
            } else if key == "negative" {
                match item.split_once(':').map(|(name, value)| (name.trim(), value.trim())) {
                    Some(("phase", "parse")) => phase = Some(Phase::Parse),
                    Some(("phase", "resolution")) => phase = Some(Phase::Resolution),
                    Some(("phase", "runtime")) => phase = Some(Phase::Runtime),
                    Some(("type", name)) => kind = Some(name.to_owned()),
                    _ => {}
                }
            } else if matches!(key.as_str(), "flags" | "features" | "includes") {
                // A list in brackets over several lines.
                let items = item.trim_end_matches(']').split(',').map(str::trim).filter(|item| !item.is_empty());
                metadata.extend(&key, items);
            }
        }
        metadata.negative = phase.zip(kind);
        metadata
    }

    fn extend<'a>(&mut self, key: &str, items: impl Iterator<Item = &'a str>) {
        let list = match key {
            "includes" => &mut self.includes,
            "flags" => &mut self.flags,
            "features" => &mut self.features,
            _ => return,
        };
        list.extend(items.map(str::to_owned));
    }

    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags.iter().any(|other| other == flag)
    }
}

#[cfg(test)]
mod tests {
    use super::{Metadata, Phase};

    #[test]
    fn lists_and_phases_are_read() {
        let source = "// c\n/*---\nesid: sec-x\ndescription: >\n  flags: [no]\nincludes: [a.js, b.js]\nflags:\n  - onlyStrict\n  - async\n\
                      features: [\n  Symbol,\n  let]\nnegative:\n  phase: parse\n  type: SyntaxError\n---*/\nx";
        let metadata = Metadata::read(source);
        assert_eq!(metadata.includes, ["a.js", "b.js"]);
        assert_eq!(metadata.flags, ["onlyStrict", "async"]);
        assert_eq!(metadata.features, ["Symbol", "let"]);
        assert_eq!(metadata.negative, Some((Phase::Parse, "SyntaxError".to_owned())));
        assert_eq!(Metadata::read("no metadata"), Metadata::default());
    }
}
