//! The repository's own rules: which room may use which, how long a file may be, and that nothing is
//! left lying about.

use std::fs;
use std::path::{Path, PathBuf};

/// A file longer than this holds more than one idea.
const LINES_MAX: usize = 600;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder whose name ends like this, with its text.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                if !name.contains("target") && !name.contains("corpus") {
                    folders.push(path);
                }
            } else if name.ends_with(ending) {
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "no {ending} in {folder}");
    found
}

fn sources() -> Vec<(String, String)> {
    ["src", "tests", "benches", "fuzz/src"].iter().flat_map(|folder| files(folder, ".rs")).collect()
}

#[test]
fn each_room_uses_only_the_rooms_below_it() {
    let rules: [(&str, &[&str]); 9] = [
        ("src/client/", &["crate::broker", "crate::testing"]),
        ("src/broker/", &["crate::client", "crate::testing"]),
        ("src/broker/core/", &["std::net", "std::thread", "Mutex", "std::io", "Instant"]),
        ("src/proto/", &["crate::broker", "crate::testing"]),
        ("src/codec/", &["crate::proto", "crate::client", "crate::transport", "crate::error"]),
        ("src/proto/", &["crate::client", "crate::transport", "crate::error", "crate::clock"]),
        ("src/codec/", &["std::net", "std::thread", "std::sync", "std::io", "Instant"]),
        ("src/proto/", &["std::net", "std::thread", "Mutex", "std::io", "Instant"]),
        ("src/transport/", &["crate::client", "crate::proto", "crate::codec", "crate::error"]),
    ];
    for (name, text) in files("src", ".rs") {
        for (room, banned) in rules.iter().filter(|(room, _)| name.starts_with(room)) {
            for word in *banned {
                assert!(!text.contains(word), "{name}: {word} has no place in {room}");
            }
        }
    }
}

#[test]
fn no_file_holds_more_than_one_idea() {
    for (name, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{name} has {lines} lines: is there a second idea in it?");
    }
}

#[test]
fn nothing_is_left_lying_about() {
    // Put together here, so that this file does not contain them.
    let marks = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["XX", "X "],
        ["dbg", "!("],
        ["todo", "!("],
        ["unimplemented", "!("],
        ["thread::", "sleep"],
        ["#[ig", "nore"],
    ];
    for (name, text) in sources() {
        for mark in marks.map(|parts| parts.concat()) {
            assert!(!text.contains(&mark), "{name}: {mark}");
        }
    }
}

/// What links to the headings of a document end with.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            words.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
        })
        .collect()
}

#[test]
fn what_the_documents_point_at_is_there() {
    let mut documents = files("docs", ".md");
    for name in ["README.md", "CONTRIBUTING.md", "SECURITY.md"] {
        documents.push((name.to_owned(), fs::read_to_string(root().join(name)).unwrap()));
    }
    for (name, text) in documents {
        let folder = root().join(&name).parent().map(PathBuf::from).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            if link.contains("://") {
                continue;
            }
            assert!(file.is_empty() || folder.join(file).exists(), "{name} links to {link}");
            let headings = if file.is_empty() {
                anchors(&text)
            } else if heading.is_empty() {
                continue;
            } else {
                anchors(&fs::read_to_string(folder.join(file)).unwrap())
            };
            assert!(headings.iter().any(|one| one == heading), "{name} links to {link}");
        }
        let quoted = text.split('`').skip(1).step_by(2);
        let paths = quoted.filter(|word| {
            let in_tree = ["src/", "tests/", "fuzz/", "docs/", "tools/", "benches/"];
            in_tree.iter().any(|start| word.starts_with(start)) && !word.contains([' ', '*'])
        });
        for path in paths {
            assert!(root().join(path).exists(), "{name} names {path}");
        }
    }
}
