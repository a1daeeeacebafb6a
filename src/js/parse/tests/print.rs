//! A short form of a parsed script's scopes and names, for tests.

use crate::js::parse::ast::*;

/// One line per scope that has something to say, then one word per name, in the order of the text.
pub fn print(script: &ParsedScript) -> String {
    let text = |id: StringId| script.strings.get(id).to_utf8_lossy();
    let mut result = String::new();
    for (index, scope) in script.scopes.iter().enumerate() {
        if scope.variables.is_empty() && !scope.environment {
            continue;
        }
        let marks = [(scope.environment, "*"), (scope.extensible, "+"), (scope.strict, "!")];
        let marks: String = marks.iter().filter(|(set, _)| *set).map(|(_, mark)| *mark).collect();
        let variables: Vec<String> = scope
            .variables
            .iter()
            .map(|variable| {
                let place = match variable.place {
                    Place::Register => "r".to_owned(),
                    Place::Slot(slot) => format!("s{slot}"),
                    Place::Global => "g".to_owned(),
                    Place::Import(index) => format!("i{index}"),
                };
                let dead = if variable.needs_dead_zone { "?" } else { "" };
                format!("{}:{:?}={place}{dead}", text(variable.name), variable.kind)
            })
            .collect();
        result += &format!("{index}{:?}{marks}({}) ", scope.kind, variables.join(" "));
    }
    let declarations = &script.declarations;
    let names = |names: &[StringId]| names.iter().map(|&name| text(name)).collect::<Vec<_>>().join(" ");
    if !declarations.vars.is_empty() {
        result += &format!("vars({}) ", names(&declarations.vars));
    }
    if !declarations.functions.is_empty() {
        let functions: Vec<StringId> = declarations.functions.iter().map(|(name, _)| *name).collect();
        result += &format!("functions({}) ", names(&functions));
    }
    if !declarations.block_functions.is_empty() {
        result += &format!("block({}) ", names(&declarations.block_functions));
    }
    result += "|";
    let mut found: Vec<(u32, String)> = script.functions.iter().flat_map(|function| uses(script, function)).collect();
    found.sort();
    for (_, name) in found {
        result += " ";
        result += &name;
    }
    result
}

/// The names in a function's tree, found in its debugging form: a walk over the tree would test itself.
fn uses(script: &ParsedScript, function: &FunctionInfo) -> Vec<(u32, String)> {
    let tree = format!("{:?} {:?} {:?}", function.parameters, function.rest, function.body);
    let number = |text: &str, key: &str| -> u32 {
        let digits = text.split(key).nth(1).unwrap_or_default().chars().take_while(char::is_ascii_digit);
        digits.collect::<String>().parse().unwrap_or(0)
    };
    tree.split("Name { name: StringId(")
        .skip(1)
        .map(|part| {
            let part = &format!("StringId({}", part.split(" }").take(2).collect::<Vec<_>>().join(" }"));
            let name = script.strings.get(StringId(number(part, "StringId("))).to_utf8_lossy();
            let position = number(part, "position: ");
            let resolution = part.split("resolution: ").nth(1).unwrap_or_default();
            let place = format!("{}.{}", number(resolution, "scope: ScopeId("), number(resolution, "variable: "));
            let place = match resolution.chars().next() {
                Some('L') => place,
                Some('E') => format!("*{place}"),
                Some('G') => "global".to_owned(),
                Some('D') => "dynamic".to_owned(),
                _ => format!("import{}", number(resolution, "Import(")),
            };
            let check = if part.contains("check: true") { "?" } else { "" };
            (position, format!("{name}={place}{check}"))
        })
        .collect()
}
