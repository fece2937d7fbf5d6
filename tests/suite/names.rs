//! A type has a name that no other type of its crate has: read from the sources. Whoever meets one knows which it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::circles::{declared, production};

const CRATES: [&str; 8] = [
    "proto", "config", "service", "fleet", "collectd", "shipper", "reporter", "bench",
];

#[test]
fn a_type_name_stands_once_in_a_crate() {
    for name in CRATES {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
        let src = root.join("src");
        let main = ["lib.rs", "main.rs"].map(|file| src.join(file));
        let main = main.iter().find(|file| file.exists()).unwrap();
        let mut found = BTreeMap::new();
        read(main, &src, &mut found);
        assert!(found.len() > 5, "{name}: its types are found");
        found.retain(|_, files| files.len() > 1);
        assert!(found.is_empty(), "{name}: {found:#?}");
    }
}

#[test]
fn types_are_found() {
    let source = "pub(crate) struct One<'a> {\nenum Two {\n    type Item = Three;\n// struct Four\n\
                  pub trait Five: Six {\npub(in super::super) struct Six;\ntype Seven = u8;\n#[cfg(test)]\nmod tests {\nstruct Eight;\n}\n";
    assert_eq!(types(source), ["One", "Two", "Five", "Six", "Seven"]);
}

/// The types of a file, and of the modules that it declares in this folder.
fn read(file: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<String>>) {
    let text = fs::read_to_string(file).unwrap();
    for name in types(&text) {
        let files = found.entry(name).or_default();
        files.push(file.display().to_string());
    }
    // One that is declared for each value of a feature is looked at once.
    for module in declared(&text).into_iter().collect::<BTreeSet<_>>() {
        let below = folder.join(&module);
        let files = [folder.join(format!("{module}.rs")), below.join("mod.rs")];
        if let Some(file) = files.iter().find(|file| file.exists()) {
            read(file, &below, found);
        }
    }
}

/// The types that a file declares outside of functions, `impl` blocks and tests.
fn types(text: &str) -> Vec<String> {
    let name = |line: &str| {
        let item = match line.strip_prefix("pub") {
            Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
            Some(rest) => rest.trim_start(),
            None => line,
        };
        let (kind, rest) = item.split_once(' ')?;
        let is_type = ["struct", "enum", "trait", "type", "union"].contains(&kind);
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        is_type.then(|| rest[..end.unwrap_or(rest.len())].to_owned())
    };
    production(text).lines().filter_map(name).collect()
}
