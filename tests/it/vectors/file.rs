//! The files of vectors, as `tests/vectors/README.md` describes them.

use mqttlink::codec::{PacketType, Version, frame};

use super::token::{Token, tokens};

/// One section of a file.
#[derive(Debug, Clone)]
pub(super) struct Vector {
    /// File, line and title.
    pub(super) name: String,
    pub(super) versions: Vec<Version>,
    /// The largest packet that reader and writer take.
    pub(super) limit: usize,
    /// What is read, as text.
    pub(super) bytes: String,
    /// What is written, as text, if that is not what was read.
    pub(super) writes: Option<String>,
    pub(super) packet: Option<Fields>,
    /// The packet's one line of text.
    pub(super) text: Option<String>,
    pub(super) error: Option<String>,
    pub(super) refuses: Option<String>,
    pub(super) reason: Option<u32>,
    pub(super) statements: Vec<(Version, String)>,
    pub(super) incomplete: bool,
    /// What the placeholder stands for, and for which of its values the bytes are a packet.
    pub(super) each: Option<(Vec<u8>, Vec<u8>)>,
}

/// A packet's fields, by name and in order.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    pub(super) packet_type: PacketType,
    pub(super) lines: Vec<(String, Vec<Token>)>,
}

pub(super) fn parse(file: &str, text: &str) -> Vec<Vector> {
    let mut vectors: Vec<Vector> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let place = format!("{file}:{}", index + 1);
        if let Some(title) = line.strip_prefix("== ") {
            vectors.push(Vector::new(format!("{place} {title}")));
        } else if !line.trim().is_empty() && !line.starts_with('#') {
            let vector = vectors.last_mut().unwrap_or_else(|| panic!("{place}: no title"));
            vector.line(line, &place);
        }
    }
    vectors
}

impl Vector {
    fn new(name: String) -> Self {
        Self {
            name,
            versions: vec![Version::V5],
            limit: frame::MAX_PACKET_SIZE,
            bytes: String::new(),
            writes: None,
            packet: None,
            text: None,
            error: None,
            refuses: None,
            reason: None,
            statements: Vec::new(),
            incomplete: false,
            each: None,
        }
    }

    fn line(&mut self, line: &str, place: &str) {
        if let Some(field) = line.strip_prefix("  ") {
            let packet = self.packet.as_mut().unwrap_or_else(|| panic!("{place}: no packet"));
            packet.lines.push(named(field));
            return;
        }
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        let value = value.trim();
        match key {
            "version" => self.versions = value.split(' ').map(version).collect(),
            "limit" => self.limit = value.parse().expect("a number"),
            "bytes" => self.bytes = format!("{} {value}", self.bytes),
            "writes" => self.writes = Some(value.to_owned()),
            "text" => self.text = Some(value.to_owned()),
            "error" => self.error = Some(value.to_owned()),
            "refuses" => self.refuses = Some(value.to_owned()),
            "incomplete" => self.incomplete = true,
            "reason" => match tokens(value).as_slice() {
                [Token::Number(code)] => self.reason = Some(*code),
                _ => panic!("{place}: a reason code"),
            },
            "statement" => {
                let (of, id) = value.split_once(' ').expect("a version and a statement");
                self.statements.push((version(of), id.to_owned()));
            }
            "each" => {
                let (all, good) = value.split_once(" good").unwrap_or((value, ""));
                let ranges = |text: &str| text.split(' ').flat_map(range).collect();
                self.each = Some((ranges(all), ranges(good)));
            }
            _ => self.packet = Some(Fields { packet_type: packet(key, place), lines: Vec::new() }),
        }
    }
}

fn named(line: &str) -> (String, Vec<Token>) {
    let mut all = tokens(line);
    let words = all.iter().take_while(|token| matches!(token, Token::Word(_))).count();
    let rest = all.split_off(words);
    let words: Vec<String> = all
        .into_iter()
        .filter_map(|token| match token {
            Token::Word(word) => Some(word),
            _ => None,
        })
        .collect();
    (words.join(" "), rest)
}

fn version(text: &str) -> Version {
    let found = Version::ALL.into_iter().find(|version| version.to_string() == text);
    found.unwrap_or_else(|| panic!("not a version: {text:?}"))
}

fn packet(text: &str, place: &str) -> PacketType {
    let found = PacketType::ALL.into_iter().find(|packet| packet.to_string() == text);
    found.unwrap_or_else(|| panic!("{place}: neither a key nor a packet: {text:?}"))
}

/// `00`, or `00..ff`, or nothing.
fn range(text: &str) -> Vec<u8> {
    let byte = |text| u8::from_str_radix(text, 16).unwrap_or_else(|_| panic!("a byte: {text:?}"));
    match text.split_once("..") {
        Some((first, last)) => (byte(first)..=byte(last)).collect(),
        None if text.is_empty() => Vec::new(),
        None => vec![byte(text)],
    }
}
