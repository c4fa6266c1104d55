//! `include/mqttlink.h` and the list of exported functions are what the sources say.
//!
//! After a change: `UPDATE_HEADER=1 cargo test --test header`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first thing that goes wrong"
)]

mod class;
mod misuse;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_default()
}

/// Compares with what is checked in, or writes it.
fn compare(name: &str, made: &str) {
    if std::env::var_os("UPDATE_HEADER").is_some() {
        fs::write(path(name), made).unwrap();
    }
    assert!(read(name) == made, "{name} is stale: UPDATE_HEADER=1 cargo test --test header");
}

fn header() -> String {
    let config = cbindgen::Config::from_file(path("cbindgen.toml")).unwrap();
    let builder = cbindgen::Builder::new().with_config(config).with_src(path("src/ffi/mod.rs"));
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    String::from_utf8(made).unwrap()
}

/// Every file below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// The functions that the sources export.
fn exported() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in sources(&path("src/ffi")) {
        let text = fs::read_to_string(file).unwrap();
        for item in text.split("#[unsafe(no_mangle)]").skip(1) {
            let name = item.split("fn ").nth(1).unwrap().split('(').next().unwrap();
            assert!(found.insert(name.to_owned()), "{name} is there twice");
        }
    }
    found
}

#[test]
fn the_header_is_made_from_the_sources() {
    compare("include/mqttlink.h", &header());
}

#[test]
fn the_list_of_exported_functions_is_complete() {
    let mut list: Vec<String> = exported().into_iter().collect();
    list.push(String::new());
    compare("tests/capi/symbols.txt", &list.join("\n"));
}

#[test]
fn each_exported_function_is_declared_and_described() {
    let header = read("include/mqttlink.h");
    for name in exported() {
        assert!(name.starts_with("mqttlink_"), "{name}");
        let (before, _) = header.rsplit_once(&format!("{name}(")).unwrap();
        let declaration = before.rsplit("*/").next().unwrap();
        assert!(!declaration.contains(';'), "{name} has no description");
    }
}

#[test]
fn the_c_suites_call_each_exported_function() {
    let suites = ["basics", "client", "events", "openssl", "broker", "hooks", "kit", "resumed"];
    let text: String = suites.map(|name| read(&format!("tests/capi/test_{name}.c"))).concat();
    let called = calls(&text);
    for name in exported() {
        assert!(called.contains(&name), "no suite in tests/capi calls {name}");
    }
}

/// The names that a parenthesis follows, outside comments, strings and characters.
fn calls(source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut name = String::new();
    let mut rest = source;
    while let Some(letter) = rest.chars().next() {
        let end = match letter {
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' => quoted(rest, letter),
            _ => letter.len_utf8(),
        };
        match letter {
            '(' => drop(found.insert(std::mem::take(&mut name))),
            _ if letter.is_alphanumeric() || letter == '_' => name.push(letter),
            _ => name.clear(),
        }
        rest = &rest[end..];
    }
    found
}

/// How long the string or the character is that begins here.
fn quoted(text: &str, quote: char) -> usize {
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            _ if letter == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[test]
fn only_calls_are_calls() {
    let source = r#"
        /* no(1) */ // nor(2)
        f(a, "in(text) \" and(more)", '"', g(b), '\'', h(c)); table[] = {name}; #define x (y)
    "#;
    let expected = ["", "f", "g", "h"].map(str::to_owned);
    assert_eq!(calls(source), BTreeSet::from(expected));
}

/// Each function and each of its pointers, strings and numbers.
#[test]
fn the_table_of_misuse_is_made_from_the_header() {
    compare("tests/capi/misuse.inc", &misuse::table(&header()));
}

/// What the documents call functions and constants is in the header.
#[test]
fn the_documents_name_what_is_there() {
    let header = read("include/mqttlink.h");
    let words = header.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let there: BTreeSet<&str> = words.collect();
    for document in ["docs/c-api.md", "README.md", "packaging/mqttlink.3"] {
        let text = read(document);
        let words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let ours =
            words.filter(|word| word.starts_with("mqttlink_") || word.starts_with("MQTTLINK_"));
        for word in ours {
            let known = match word.strip_suffix('_') {
                Some(start) => there.iter().any(|name| name.starts_with(start)),
                None => there.contains(word),
            };
            assert!(known, "{document} speaks of {word}, which the header does not have");
        }
    }
}
