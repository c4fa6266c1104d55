//! The table of all statements: every one that binds a client has a test or a reason, and
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

A statement that binds the server only can have a test too: of what the client does when a server
breaks it.

This file is generated from `tests/conformance/*.tsv` and from the names of the tests. A test fails
when it is out of date; `UPDATE=1 cargo test --test it table` writes it anew.
";
/// What stands for a test where only a server is bound.
const SERVER_ONLY: &str = "server only: the embedded broker is not there yet";

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
    /// Why there is no test.
    reason: Option<String>,
}

impl Statement {
    fn binds_client(&self) -> bool {
        self.binds != "server"
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

    /// The claims of all tests, by statement.
    fn claims<'a>(&self, tests: &'a [Test]) -> BTreeMap<String, Vec<Claim<'a>>> {
        let mut claims: BTreeMap<String, Vec<Claim<'a>>> = BTreeMap::new();
        for claim in tests.iter().filter_map(|test| self.claim(test)) {
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
        assert!(rest.len() <= 1, "at most four fields: {line}");
        assert!(["client", "server", "both"].contains(&binds.as_str()), "{line}");
        Self {
            id: id.clone(),
            binds: binds.clone(),
            summary: summary.clone(),
            reason: rest.first().cloned(),
        }
    }

    /// The table's last column.
    fn client(&self, claims: &[Claim<'_>]) -> String {
        if claims.is_empty() {
            let server_only = (!self.binds_client()).then_some(SERVER_ONLY);
            return self.reason.as_deref().or(server_only).unwrap_or_default().to_owned();
        }
        let links = claims.iter().map(|claim| format!("[{}](../{})", claim.says, claim.test.file));
        links.collect::<Vec<_>>().join("<br>")
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
        let claims = specification.claims(tests);
        let _ = writeln!(document, "\n## {}\n", specification.title);
        document.push_str("| statement | binds | in short | client |\n|---|---|---|---|\n");
        for statement in specification.statements() {
            let claims = claims.get(&statement.id).map_or(&[][..], Vec::as_slice);
            let Statement { id, binds, summary, .. } = &statement;
            let client = statement.client(claims);
            let _ = writeln!(document, "| {id} | {binds} | {summary} | {client} |");
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
        "| that bind a client |".to_owned(),
        "| of these, with a test |".to_owned(),
        "| without, for a reason |".to_owned(),
        "| tests |".to_owned(),
    ];
    for specification in &SPECIFICATIONS {
        let claims = specification.claims(tests);
        let statements = specification.statements();
        let bound = statements.iter().filter(|statement| statement.binds_client());
        let (tested, untested): (Vec<_>, Vec<_>) =
            bound.partition(|statement| claims.contains_key(&statement.id));
        let numbers = [
            statements.len(),
            tested.len() + untested.len(),
            tested.len(),
            untested.len(),
            claims.values().map(Vec::len).sum(),
        ];
        let heading = [specification.title.to_owned(), "---:".to_owned()];
        let cells = heading.into_iter().chain(numbers.map(|number| number.to_string()));
        rows.iter_mut().zip(cells).for_each(|(row, cell)| {
            let _ = write!(row, " {cell} |");
        });
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

#[test]
fn every_statement_that_binds_a_client_has_a_test_or_a_reason() {
    let tests = tests();
    for specification in &SPECIFICATIONS {
        let claims = specification.claims(&tests);
        for Statement { id, reason, .. } in
            specification.statements().iter().filter(|statement| statement.binds_client())
        {
            let title = specification.title;
            match (claims.contains_key(id), reason) {
                (false, None) => panic!("{title} {id}: neither a test nor a reason"),
                (true, Some(reason)) => panic!("{title} {id}: a test, but also {reason:?}"),
                (true, None) | (false, Some(_)) => {}
            }
        }
    }
}

#[test]
fn every_test_names_a_statement_of_the_table() {
    let tests = tests();
    for specification in &SPECIFICATIONS {
        let statements = specification.statements();
        let ids: BTreeSet<String> = statements.into_iter().map(|statement| statement.id).collect();
        assert_eq!(ids.len(), specification.statements, "{}", specification.table);
        for (id, claims) in specification.claims(&tests) {
            assert!(ids.contains(&id), "{}: there is no {id}", claims[0].test.name);
        }
    }
}

#[test]
fn names_are_read_from_the_source() {
    let source =
        "#[test]\nfn one() {}\nfn two() {}\n  #[test]\n  #[should_panic]\n  fn three() {}\n";
    assert_eq!(names(source).collect::<Vec<_>>(), ["one", "three"]);
}
