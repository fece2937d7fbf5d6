//! The top-level modules of a crate use each other in one direction only: read from the sources, asserted by name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const CRATES: [&str; 6] = [
    "proto", "config", "service", "metrics", "collectd", "reporter",
];

/// Which modules a module uses.
type Uses = BTreeMap<String, BTreeSet<String>>;

#[test]
fn modules_of_a_crate_make_no_circle() {
    for name in CRATES {
        let src = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(name)
            .join("src");
        if !src.exists() {
            continue;
        }
        let uses = uses(&src);
        assert!(uses.len() > 1, "{name}: its modules are found");
        let found = circles(&uses);
        let arrows = found.iter().flatten().map(|from| (from, &uses[from]));
        assert!(
            found.is_empty(),
            "{name}: {found:?} use each other: {:?}",
            arrows.collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_circle_is_found() {
    let uses = |text: &str| -> Uses {
        let module = |line: &str| {
            let mut names = line.split_whitespace().map(str::to_owned);
            (names.next().unwrap(), names.collect())
        };
        text.split(',').map(module).collect()
    };
    for (text, want, why) in [
        ("a b,b c,c", vec![], "a row"),
        ("a b c,b c,c", vec![], "two ways"),
        ("a b,b a", vec!["a b"], "two"),
        ("a b,b c,c a,d a", vec!["a b c"], "three, and who uses them"),
        ("a b,b a,c d,d c", vec!["a b", "c d"], "two circles"),
    ] {
        let found: Vec<String> = circles(&uses(text)).iter().map(|c| c.join(" ")).collect();
        assert_eq!(found, want, "{why}");
    }
    let source = "use crate::{a::{x, y}, b};\n// crate::no\nfn f() { crate::c::g() }\n\
                  #[cfg(test)]\nmod tests { use crate::no; }\n";
    assert_eq!(names(source, "crate::"), ["a", "b", "c"]);
}

/// Read from a crate's sources, without its tests.
fn uses(src: &Path) -> Uses {
    let lib = fs::read_to_string(src.join("lib.rs")).unwrap();
    let modules: BTreeSet<String> = declared(&lib).into_iter().collect();
    let mut uses = Uses::new();
    for module in &modules {
        let file = src.join(format!("{module}.rs"));
        let mut found = BTreeSet::new();
        if let Ok(text) = fs::read_to_string(&file) {
            found.extend(names(&text, "super::"));
            below(&src.join(module), &text, &mut found);
        } else {
            below(src, &format!("mod {module};"), &mut found);
        }
        found.retain(|other| modules.contains(other) && other != module);
        uses.insert(module.clone(), found);
    }
    uses
}

/// What a file uses, and the modules that it declares in this folder.
fn below(folder: &Path, text: &str, found: &mut BTreeSet<String>) {
    found.extend(names(text, "crate::"));
    for name in declared(text) {
        let file = folder.join(format!("{name}.rs"));
        let main = folder.join(&name).join("mod.rs");
        // Without either, it stands in the file itself, or at a path that an attribute names.
        if let Ok(text) = fs::read_to_string(&file).or_else(|_| fs::read_to_string(&main)) {
            below(&folder.join(&name), &text, found);
        }
    }
}

/// `mod NAME;`, but for those that are compiled for tests alone.
pub(crate) fn declared(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in text.lines() {
        let line = line.trim();
        let name = line.strip_suffix(';').and_then(|line| {
            let (visibility, name) = line.split_once("mod ")?;
            let is_declaration = visibility.is_empty() || visibility.starts_with("pub");
            is_declaration.then(|| name.to_owned())
        });
        if let Some(name) = name.filter(|_| !is_test) {
            names.push(name);
        }
        is_test = line.starts_with("#[cfg(test)]");
    }
    names
}

/// The first names of all paths that begin so, alone or in braces.
fn names(text: &str, begin: &str) -> Vec<String> {
    let code: Vec<&str> = production(text)
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect();
    let code = code.join("\n");
    let mut names = Vec::new();
    for (at, _) in code.match_indices(begin) {
        let rest = &code[at + begin.len()..];
        match rest.strip_prefix('{') {
            Some(group) => names.extend(group_names(group)),
            None => names.push(first_word(rest)),
        }
    }
    names
}

/// Of a group, up to the brace that ends it, what stands outside of further braces.
fn group_names(group: &str) -> Vec<String> {
    let (mut depth, mut outside) = (0_usize, String::new());
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            character if depth == 0 => outside.push(character),
            _ => {}
        }
    }
    let paths = outside.split(',').map(str::trim);
    paths
        .filter(|path| !path.is_empty())
        .map(first_word)
        .collect()
}

/// Without the tests at its end.
pub(crate) fn production(text: &str) -> &str {
    let mut parts = text.split("#[cfg(test)]\nmod tests {");
    parts.next().unwrap_or_default()
}

fn first_word(path: &str) -> String {
    path.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// Sets of modules each of which leads to every other.
fn circles(uses: &Uses) -> Vec<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<String>> = uses
        .keys()
        .map(|module| (module, reachable(uses, module)))
        .collect();
    let mut circles = BTreeSet::new();
    for (module, ahead) in &reached {
        let circle: Vec<String> = ahead
            .iter()
            .filter(|other| reached[other].contains(*module))
            .cloned()
            .collect();
        if !circle.is_empty() {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

fn reachable(uses: &Uses, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&String> = uses[from].iter().collect();
    while let Some(module) = next.pop() {
        if reached.insert(module.clone()) {
            next.extend(&uses[module]);
        }
    }
    reached
}
