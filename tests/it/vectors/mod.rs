//! Packets as data, in both directions: bytes to fields and fields to the same bytes.
//!
//! `tests/vectors/README.md` describes the files.

mod build;
mod coverage;
mod file;
mod token;

use mqttlink::codec::{DecodeError, Packet, PropertyId, Version, frame};

use crate::hex::hex;
use file::Vector;
use token::bytes;

/// Where the value stands that a section goes through.
const PLACEHOLDER: &str = "XX";

/// A section for one version, and for one value of its placeholder.
struct Case<'a> {
    vector: &'a Vector,
    version: Version,
    bytes: Vec<u8>,
    /// The value, and whether the bytes are a packet with it.
    value: Option<(u8, bool)>,
}

fn vectors() -> Vec<Vector> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors");
    let entries = std::fs::read_dir(folder).expect("a folder of vectors");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        file::parse(&name, &std::fs::read_to_string(&path).expect("text"))
    };
    files.into_iter().flat_map(read).collect()
}

fn cases(vector: &Vector) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for version in vector.versions.iter().copied() {
        match &vector.each {
            None => {
                cases.push(Case { vector, version, bytes: bytes(&vector.bytes), value: None });
            }
            Some((all, good)) => cases.extend(all.iter().map(|value| {
                let text = vector.bytes.replace(PLACEHOLDER, &format!("{value:02x}"));
                let value = Some((*value, good.contains(value)));
                Case { vector, version, bytes: bytes(&text), value }
            })),
        }
    }
    cases
}

impl Case<'_> {
    fn check(&self) -> Result<(), String> {
        let vector = self.vector;
        if vector.incomplete {
            let found = frame::parse(&self.bytes, self.version, vector.limit);
            return same("what is there", &found, &Ok(None));
        }
        match (&vector.packet, self.value) {
            (Some(fields), _) => {
                let packet = build::packet(fields, self.version);
                if !self.bytes.is_empty() {
                    let read = self.read().map_err(|error| error.to_string())?;
                    same("the fields", &read, &packet)?;
                }
                self.written(&packet)?;
                let text = vector.text.clone();
                same("the text", &packet.to_string(), &text.unwrap_or(packet.to_string()))
            }
            (None, Some((_, true))) => {
                let packet = self.read().map_err(|error| error.to_string())?;
                self.written(&packet)
            }
            _ => match self.read() {
                Ok(packet) => Err(format!("read as {packet}")),
                Err(error) => self.refused(&error),
            },
        }
    }

    fn read(&self) -> Result<Packet<'_>, DecodeError> {
        let found = frame::parse(&self.bytes, self.version, self.vector.limit)?;
        let found = found.unwrap_or_else(|| panic!("{}: too few bytes", self.vector.name));
        assert_eq!(found.len, self.bytes.len(), "{}: bytes left over", self.vector.name);
        Packet::decode(&found, self.version)
    }

    fn written(&self, packet: &Packet<'_>) -> Result<(), String> {
        let mut out = b"before".to_vec();
        let result = packet.encode(self.version, self.vector.limit, &mut out);
        if let Some(expected) = &self.vector.refuses {
            let error = result.err().ok_or("written, although it should be refused")?;
            same("the error", &error.to_string(), &self.fill_in(expected))?;
            return same_bytes("the buffer", &out, b"before");
        }
        result.map_err(|error| format!("not written: {error}"))?;
        let expected = self.vector.writes.as_deref().map_or(self.bytes.clone(), bytes);
        same_bytes("the bytes", &out[b"before".len()..], &expected)
    }

    fn refused(&self, error: &DecodeError) -> Result<(), String> {
        let expected = self.vector.error.as_deref().ok_or_else(|| error.to_string())?;
        same("the error", &error.to_string(), &self.fill_in(expected))?;
        let reason = self.vector.reason.ok_or("no reason code is listed")?;
        same("the reason code", &u32::from(error.reason().code()), &reason)?;
        let mut listed = self.vector.statements.iter();
        let statement = listed.find(|(version, _)| *version == self.version);
        let statement = statement.map(|(_, id)| id.as_str());
        same("the statement", &error.statement(self.version), &statement)
    }

    /// Version and placeholder, in the forms in which errors show them.
    fn fill_in(&self, text: &str) -> String {
        let text = text.replace("{version}", &self.version.to_string());
        let Some((value, _)) = self.value else { return text };
        let property = PropertyId::from_u8(value).map_or(String::new(), |id| id.to_string());
        text.replace("{property}", &property)
            .replace("{hex}", &format!("{value:#04x}"))
            .replace("{bits}", &format!("{value:#010b}"))
            .replace("{flags}", &format!("{:#06b}", value & 0x0f))
            .replace("{number}", &value.to_string())
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let short = |value: &T| format!("{value:?}").chars().take(400).collect::<String>();
    Err(format!("{what}\n    is        {}\n    should be {}", short(found), short(expected)))
}

fn same_bytes(what: &str, found: &[u8], expected: &[u8]) -> Result<(), String> {
    if found == expected { Ok(()) } else { same(what, &hex(found), &hex(expected)) }
}

#[test]
fn every_vector_holds_in_both_directions() {
    let vectors = vectors();
    let all: Vec<Case<'_>> = vectors.iter().flat_map(cases).collect();
    let failures: Vec<String> = all
        .iter()
        .filter_map(|case| {
            let wrong = case.check().err()?;
            let value = case.value.map_or(String::new(), |(value, _)| format!(", {value:#04x}"));
            Some(format!("{} (MQTT {}{value}): {wrong}", case.vector.name, case.version))
        })
        .collect();
    println!("{} vectors in {} sections", all.len(), vectors.len());
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_beginning_of_a_vector_is_never_the_whole() {
    for vector in vectors().iter().filter(|vector| vector.packet.is_some()) {
        for case in cases(vector).iter().filter(|case| !case.bytes.is_empty()) {
            for end in (0..case.bytes.len()).take(200) {
                let found = frame::parse(&case.bytes[..end], case.version, frame::MAX_PACKET_SIZE);
                assert_eq!(found, Ok(None), "{}: {end} bytes", vector.name);
            }
        }
    }
}
