//! Files import each other in one direction: whoever reads a file can first read what it imports, and never comes back
//! to where they began.
//!
//! A module and its children are one thing to this rule. A parent has to name its children, or Rust would not find
//! them, and they may name it: `server/files/log/files.rs` is a part of `LogFile`, which its parent defines. What a
//! parent re-exports counts as imported from the file that has it.
//!
//! Not known here: methods. A method may be defined in any file of the crate, and calling it needs no import.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::lexer::words;
use super::walls::{is_of_tests, without_tests};
use super::{Finding, Source, after_colons, expand, files_below, report};

/// The files between which no circle is looked for: these only gather names.
const GATHERERS: &[&str] = &["src/lib.rs", "src/main.rs", "src/testing.rs"];

/// What a file names, as a path from the root of the crate, and where.
struct Named {
    offset: usize,
    path: Vec<String>,
    is_re_export: bool,
}

struct Module<'a> {
    source: &'a Source,
    named: Vec<Named>,
}

type Modules<'a> = BTreeMap<Vec<String>, Module<'a>>;

/// The path of a file as a module.
fn module_of(path: &str) -> Vec<String> {
    let path = path.strip_prefix("src/").unwrap_or(path);
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

/// Paths that begin at the root, at this module or at its parent. Other names of a leaf are of other crates, and those
/// of a parent are its children.
fn named(module: &[String], code: &str) -> Vec<Named> {
    let code = without_aliases(code);
    let mut found = Vec::new();
    for root in ["crate", "self", "super"] {
        for offset in words(&code, root) {
            let before = code[..offset].trim_end();
            let Some(mut rest) = after_colons(&code[offset + root.len()..]) else {
                continue;
            };
            if before.ends_with("::") {
                continue;
            }
            let mut base = match root {
                "crate" => Vec::new(),
                "self" => module.to_vec(),
                _ => parent(module),
            };
            while let Some(further) = rest.strip_prefix("super").and_then(after_colons) {
                base = parent(&base);
                rest = further;
            }
            let mut leaves = Vec::new();
            expand(rest, "", &mut leaves);
            let is_re_export = before
                .strip_suffix("use")
                .map(str::trim_end)
                .is_some_and(|before| before.ends_with("pub") || before.ends_with(')'));
            found.extend(leaves.iter().map(|leaf| {
                Named {
                    offset,
                    path: base
                        .iter()
                        .cloned()
                        .chain(leaf.split("::").map(str::to_owned))
                        .collect(),
                    is_re_export,
                }
            }));
        }
    }
    found
}

/// What a parent gives on of its children: `pub use child::Name`.
fn given_on(module: &[String], code: &str) -> Vec<Named> {
    let mut found = Vec::new();
    for offset in words(code, "use") {
        let before = code[..offset].trim_end();
        let rest = code[offset + "use".len()..].trim_start();
        let begins_at_root = ["crate", "self", "super", "std"].iter().any(|root| {
            rest.strip_prefix(root)
                .is_some_and(|rest| rest.trim_start().starts_with(':'))
        });
        if begins_at_root || !(before.ends_with("pub") || before.ends_with(')')) {
            continue;
        }
        let mut leaves = Vec::new();
        expand(rest, "", &mut leaves);
        found.extend(leaves.iter().map(|leaf| {
            Named {
                offset,
                path: module
                    .iter()
                    .cloned()
                    .chain(leaf.split("::").map(str::to_owned))
                    .collect(),
                is_re_export: true,
            }
        }));
    }
    found
}

fn parent(module: &[String]) -> Vec<String> {
    module[..module.len().saturating_sub(1)].to_vec()
}

/// `x as y` with ` as y` blanked.
fn without_aliases(code: &str) -> String {
    let mut out = code.to_owned();
    for offset in words(code, "as") {
        let name = code[offset + 2..].trim_start();
        let start = code.len() - name.len();
        let len = name
            .find(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
            .unwrap_or(name.len());
        let end = start + len;
        out.replace_range(offset..end, &" ".repeat(end - offset));
    }
    out
}

/// The file that has what a path names: the longest part of it that is a module, or the one from which that gives it
/// on.
fn home(modules: &Modules<'_>, path: &[String], steps_left: usize) -> Option<Vec<String>> {
    let len = (1..=path.len())
        .rev()
        .find(|&len| modules.contains_key(&path[..len]))?;
    let (module, rest) = path.split_at(len);
    if let Some(name) = rest.first()
        && steps_left > 0
    {
        let mut re_exports = modules[module]
            .named
            .iter()
            .filter(|named| named.is_re_export);
        if let Some(named) = re_exports.find(|named| named.path.last() == Some(name)) {
            return home(modules, &named.path, steps_left - 1);
        }
    }
    Some(module.to_vec())
}

/// Who imports whom, and where the importer says so.
type Imports = BTreeMap<Vec<String>, BTreeMap<Vec<String>, usize>>;

fn imports(modules: &Modules<'_>) -> Imports {
    let mut all = Imports::new();
    for (importer, module) in modules {
        for named in module.named.iter().filter(|named| !named.is_re_export) {
            if let Some(imported) = home(modules, &named.path, 8)
                && !imported.starts_with(importer)
                && !importer.starts_with(&imported)
            {
                let of_importer = all.entry(importer.clone()).or_default();
                of_importer.entry(imported).or_insert(named.offset);
            }
        }
    }
    all
}

/// The shortest way from a module back to itself.
fn way_back(imports: &Imports, start: &Vec<String>) -> Option<Vec<Vec<String>>> {
    let mut came_from = BTreeMap::new();
    let mut next = VecDeque::from([start]);
    while let Some(module) = next.pop_front() {
        for imported in imports.get(module).into_iter().flat_map(BTreeMap::keys) {
            if imported == start {
                let mut way = vec![module.clone()];
                while let Some(&before) = came_from.get(&way[way.len() - 1]) {
                    way.push(Vec::clone(before));
                }
                way.reverse();
                return Some(way);
            }
            if !came_from.contains_key(imported) {
                came_from.insert(imported.clone(), module);
                next.push_back(imported);
            }
        }
    }
    None
}

/// No file imports itself by way of others.
pub(crate) fn circles(sources: &[Source]) -> Vec<Finding> {
    let modules: Modules<'_> = sources
        .iter()
        .filter(|source| !is_of_tests(source) && !source.is_under(GATHERERS))
        .map(|source| {
            let path = module_of(&source.path);
            let code = without_tests(&source.code);
            let mut names = named(&path, &code);
            names.extend(given_on(&path, &without_aliases(&code)));
            (
                path,
                Module {
                    source,
                    named: names,
                },
            )
        })
        .collect();
    let imports = imports(&modules);
    let mut told = BTreeSet::new();
    let mut findings = Vec::new();
    for module in imports.keys() {
        if told.contains(module) {
            continue;
        }
        if let Some(way) = way_back(&imports, module) {
            let next = way.get(1).unwrap_or(module);
            let shown: Vec<String> = way
                .iter()
                .chain([module])
                .map(|module| module.join("::"))
                .collect();
            findings.push(modules[module].source.at(
                imports[module][next],
                format!(
                    "imports go in a circle: {}; give what both sides need a file of its own, or pass it in",
                    shown.join(" > ")
                ),
            ));
            told.extend(way);
        }
    }
    findings
}

#[test]
fn no_file_imports_itself_by_way_of_others() {
    report(circles(&files_below("src", &[".rs"])));
}
