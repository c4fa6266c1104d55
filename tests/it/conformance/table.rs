//! The table of all statements: every one has a test for each side that it binds, or a reason, and
//! `docs/conformance.md` says which.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

const DOCUMENT: &str = "docs/conformance.md";
const INTRODUCTION: &str = "\
# Conformance

What the normative statements of MQTT ask for, shortly and in our own words, and the tests that
check what this library makes of them. The words that count are those of
[MQTT 5.0](https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html) and
[MQTT 3.1.1](https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html), where each
statement stands under its number. A test has the number in its name: `v5_3_1_2_20_…` is
MQTT-3.1.2-20 of MQTT 5.0.

The column of the client says what this library's client does, that of the server what its embedded
broker does. A statement that binds one side only can have a test of the other too: of what it does
when the peer breaks it.

This file is generated from `tests/conformance/*.tsv` and from the names of the tests. A test fails
when it is out of date; `UPDATE=1 cargo test --test it table` writes it anew.
";
/// Where the tests of the broker are.
const SERVER_FOLDERS: [&str; 2] = ["tests/it/conformance/server/", "tests/broker/"];

/// A side of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// A version of the specification.
struct Specification {
    title: &'static str,
    /// What the names of its tests begin with.
    prefix: &'static str,
    table: &'static str,
    statements: usize,
}

const SPECIFICATIONS: [Specification; 2] = [
    Specification {
        title: "MQTT 5.0",
        prefix: "v5_",
        table: "tests/conformance/mqtt5.tsv",
        statements: 251,
    },
    Specification {
        title: "MQTT 3.1.1",
        prefix: "v311_",
        table: "tests/conformance/mqtt311.tsv",
        statements: 141,
    },
];

/// A line of a table.
struct Statement {
    id: String,
    binds: String,
    summary: String,
    /// Why there is no test of the client, and none of the server.
    reasons: [Option<String>; 2],
}

impl Statement {
    fn binds(&self, side: Side) -> bool {
        match side {
            Side::Client => self.binds != "server",
            Side::Server => self.binds != "client",
        }
    }

    fn reason(&self, side: Side) -> Option<&str> {
        self.reasons[side as usize].as_deref()
    }
}

/// A test function.
struct Test {
    name: String,
    /// From the package's root, with slashes.
    file: String,
}

/// The statement that a test is about, and what it says about it.
struct Claim<'a> {
    id: String,
    says: String,
    test: &'a Test,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file, with the line ends that Git may have changed.
fn text(file: &str) -> String {
    let text = fs::read_to_string(root().join(file)).unwrap_or_default();
    text.replace("\r\n", "\n")
}

impl Specification {
    fn statements(&self) -> Vec<Statement> {
        text(self.table).lines().skip(1).map(Statement::parse).collect()
    }

    /// The claims of all tests of one side, by statement.
    fn claims<'a>(&self, tests: &'a [Test], side: Side) -> BTreeMap<String, Vec<Claim<'a>>> {
        let mut claims: BTreeMap<String, Vec<Claim<'a>>> = BTreeMap::new();
        let tests = tests.iter().filter(|test| test.side() == side);
        for claim in tests.filter_map(|test| self.claim(test)) {
            claims.entry(claim.id.clone()).or_default().push(claim);
        }
        claims
    }

    /// A name whose first word behind the version is no number makes no claim.
    fn claim<'a>(&self, test: &'a Test) -> Option<Claim<'a>> {
        let words: Vec<&str> = test.name.strip_prefix(self.prefix)?.split('_').collect();
        words.first()?.parse::<u16>().ok()?;
        let Some((numbers, says)) = words.split_at_checked(4) else { panic!("{}", test.name) };
        let numeric = numbers.iter().all(|number| number.parse::<u16>().is_ok());
        assert!(numeric && !says.is_empty(), "{} has no statement in its name", test.name);
        let id = format!("{}-{}", numbers[..3].join("."), numbers[3]);
        Some(Claim { id, says: says.join(" "), test })
    }
}

impl Statement {
    fn parse(line: &str) -> Self {
        let fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
        let [id, binds, summary, rest @ ..] = &fields[..] else { panic!("three fields: {line}") };
        assert!(rest.len() <= 2, "at most five fields: {line}");
        let reason = |at: usize| rest.get(at).filter(|reason| !reason.is_empty()).cloned();
        assert!(["client", "server", "both"].contains(&binds.as_str()), "{line}");
        Self {
            id: id.clone(),
            binds: binds.clone(),
            summary: summary.clone(),
            reasons: [reason(0), reason(1)],
        }
    }

    /// A side's column.
    fn column(&self, side: Side, claims: &[Claim<'_>]) -> String {
        if claims.is_empty() {
            return self.reason(side).unwrap_or_default().to_owned();
        }
        let links = claims.iter().map(|claim| format!("[{}](../{})", claim.says, claim.test.file));
        links.collect::<Vec<_>>().join("<br>")
    }
}

impl Test {
    fn side(&self) -> Side {
        let of_server = SERVER_FOLDERS.iter().any(|folder| self.file.starts_with(folder));
        if of_server { Side::Server } else { Side::Client }
    }
}

/// All tests in this file and in the folders beside it.
fn tests() -> Vec<Test> {
    let mut files = Vec::new();
    collect(&root().join("tests"), &mut files);
    files.sort();
    let mut tests = Vec::new();
    for path in &files {
        let parts = path.strip_prefix(root()).expect("below the root").components();
        let parts = parts.map(|part| part.as_os_str().to_string_lossy().into_owned());
        let file = parts.collect::<Vec<_>>().join("/");
        let source = fs::read_to_string(path).expect("a readable file");
        tests.extend(names(&source).map(|name| Test { name, file: file.clone() }));
    }
    tests
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The names of the functions that follow `#[test]`, other attributes between them or not.
fn names(source: &str) -> impl Iterator<Item = String> {
    let mut lines = source.lines().map(str::trim);
    std::iter::from_fn(move || {
        lines.find(|line| *line == "#[test]")?;
        let function = lines.find_map(|line| line.strip_prefix("fn "))?;
        function.split('(').next().map(str::to_owned)
    })
}

fn document(tests: &[Test]) -> String {
    let mut document = INTRODUCTION.to_owned();
    document.push_str(&overview(tests));
    for specification in &SPECIFICATIONS {
        let sides = [Side::Client, Side::Server];
        let claims = sides.map(|side| specification.claims(tests, side));
        let _ = writeln!(document, "\n## {}\n", specification.title);
        document.push_str("| statement | binds | in short | client | server |\n");
        document.push_str("|---|---|---|---|---|\n");
        for statement in specification.statements() {
            let [client, server] = sides.map(|side| {
                let claims = claims[side as usize].get(&statement.id);
                statement.column(side, claims.map_or(&[][..], Vec::as_slice))
            });
            let Statement { id, binds, summary, .. } = &statement;
            let _ = writeln!(document, "| {id} | {binds} | {summary} | {client} | {server} |");
        }
    }
    document.push_str("\n## MQTT 3.1\n\nIt has no numbered statements. What differs:\n\n");
    for test in tests {
        if let Some(says) = test.name.strip_prefix("v31_") {
            let _ = writeln!(document, "- [{}](../{})", says.replace('_', " "), test.file);
        }
    }
    document
}

fn overview(tests: &[Test]) -> String {
    let mut rows = [
        "| |".to_owned(),
        "|---|".to_owned(),
        "| statements |".to_owned(),
        "| that bind this side |".to_owned(),
        "| of these, with a test |".to_owned(),
        "| without, for a reason |".to_owned(),
        "| tests |".to_owned(),
    ];
    for specification in &SPECIFICATIONS {
        for (side, name) in [(Side::Client, "client"), (Side::Server, "server")] {
            let claims = specification.claims(tests, side);
            let statements = specification.statements();
            let bound = statements.iter().filter(|statement| statement.binds(side));
            let (tested, untested): (Vec<_>, Vec<_>) =
                bound.partition(|statement| claims.contains_key(&statement.id));
            let numbers = [
                statements.len(),
                tested.len() + untested.len(),
                tested.len(),
                untested.len(),
                claims.values().map(Vec::len).sum(),
            ];
            let heading = [format!("{}, {name}", specification.title), "---:".to_owned()];
            let cells = heading.into_iter().chain(numbers.map(|number| number.to_string()));
            rows.iter_mut().zip(cells).for_each(|(row, cell)| {
                let _ = write!(row, " {cell} |");
            });
        }
    }
    format!("\n{}\n", rows.join("\n"))
}

#[test]
fn the_document_is_up_to_date() {
    let expected = document(&tests());
    if std::env::var_os("UPDATE").is_some() {
        fs::write(root().join(DOCUMENT), &expected).expect("a writable file");
    }
    let hint = "write it anew: UPDATE=1 cargo test --test it table";
    assert!(text(DOCUMENT) == expected, "{DOCUMENT} is out of date; {hint}");
}

fn every_statement_has_a_test_or_a_reason(side: Side) {
    let tests = tests();
    let mut wrong = Vec::new();
    for specification in &SPECIFICATIONS {
        let claims = specification.claims(&tests, side);
        let statements = specification.statements();
        for statement in statements.iter().filter(|statement| statement.binds(side)) {
            let (title, id) = (specification.title, &statement.id);
            match (claims.contains_key(id), statement.reason(side)) {
                (false, None) => wrong.push(format!("{title} {id}: neither a test nor a reason")),
                (true, Some(reason)) => {
                    wrong.push(format!("{title} {id}: a test, but also {reason:?}"));
                }
                (true, None) | (false, Some(_)) => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_statement_that_binds_a_client_has_a_test_or_a_reason() {
    every_statement_has_a_test_or_a_reason(Side::Client);
}

#[test]
fn every_statement_that_binds_a_server_has_a_test_or_a_reason() {
    every_statement_has_a_test_or_a_reason(Side::Server);
}

#[test]
fn every_test_names_a_statement_of_the_table() {
    let tests = tests();
    for specification in &SPECIFICATIONS {
        let statements = specification.statements();
        let ids: BTreeSet<String> = statements.into_iter().map(|statement| statement.id).collect();
        assert_eq!(ids.len(), specification.statements, "{}", specification.table);
        for side in [Side::Client, Side::Server] {
            for (id, claims) in specification.claims(&tests, side) {
                assert!(ids.contains(&id), "{}: there is no {id}", claims[0].test.name);
            }
        }
    }
}

#[test]
fn names_are_read_from_the_source() {
    let source =
        "#[test]\nfn one() {}\nfn two() {}\n  #[test]\n  #[should_panic]\n  fn three() {}\n";
    assert_eq!(names(source).collect::<Vec<_>>(), ["one", "three"]);
}
