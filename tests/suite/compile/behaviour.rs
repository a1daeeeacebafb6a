//! `tests/BEHAVIOUR.md` against the tests: every statement has a test, and every test that it names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The statements of the compile service, by number.
const STATEMENTS: [std::ops::RangeInclusive<u32>; 4] = [10..=16, 20..=29, 30..=38, 40..=43];

struct Row {
    id: String,
    tests: Vec<String>,
}

fn rows(text: &str) -> Vec<Row> {
    let lines = text.lines().filter(|line| line.starts_with("| S") || line.starts_with("| C"));
    lines
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 3, "{line}");
            Row { id: cells[0].to_owned(), tests: cells[2].split(',').map(|name| name.trim().to_owned()).collect() }
        })
        .collect()
}

/// The names of all test functions below a folder.
fn test_names(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            test_names(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                if line == "#[test]" {
                    is_test = true;
                } else if let Some(rest) = line.strip_prefix("fn ")
                    && std::mem::take(&mut is_test)
                    && let Some((name, _)) = rest.split_once('(')
                {
                    into.insert(name.to_owned());
                }
            }
        }
    }
}

/// `s1_20_s1_28_…` names S1-20 and S1-28.
fn statements_in(test: &str) -> Vec<String> {
    let parts: Vec<_> = test.split('_').collect();
    let pairs = parts.windows(2).filter(|pair| pair[0] == "s1" && pair[1].chars().all(|digit| digit.is_ascii_digit()));
    pairs.map(|pair| format!("S1-{}", pair[1])).collect()
}

#[test]
fn every_statement_has_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rows = rows(&fs::read_to_string(root.join("tests/BEHAVIOUR.md")).unwrap());
    let mut names = BTreeSet::new();
    test_names(&root.join("src"), &mut names);
    test_names(&root.join("tests"), &mut names);
    for row in &rows {
        for test in &row.tests {
            assert!(names.contains(test), "{} names {test}, which does not exist", row.id);
        }
    }
    let ids: BTreeSet<_> = rows.iter().map(|row| row.id.clone()).collect();
    assert_eq!(ids.len(), rows.len(), "an id stands twice");
    for number in STATEMENTS.into_iter().flatten() {
        assert!(ids.contains(&format!("S1-{number}")), "S1-{number} has no row");
    }
    for test in &names {
        for id in statements_in(test) {
            assert!(ids.contains(&id), "{test} names {id}, which has no row");
        }
    }
    for row in rows.iter().filter(|row| row.id.starts_with("S1-")) {
        let named = row.tests.iter().any(|test| statements_in(test).contains(&row.id));
        assert!(named, "{}: none of its tests names it", row.id);
    }
}
