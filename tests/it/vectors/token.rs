//! The words, numbers, texts and bytes of which the lines of a vector file consist.

use crate::hex::unhex;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// `client_id`
    Word(String),
    /// `60`, `0x97`
    Number(u32),
    /// `"text"`, with the escapes `\"`, `\\` and `\u{0}`
    Text(String),
    /// `<00 ff 'text'>`
    Bytes(Vec<u8>),
}

/// The tokens of a line. A text may be followed by `*` and how many times it is repeated.
pub(super) fn tokens(line: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '"' => text(rest),
            '<' => {
                let (inside, after) = rest[1..].split_once('>').expect("'>' after '<'");
                (Token::Bytes(bytes(inside)), after)
            }
            _ => word(rest),
        };
        found.push(token);
        rest = after.trim_start();
    }
    found
}

fn word(rest: &str) -> (Token, &str) {
    let (word, after) = rest.split_at(rest.find(' ').unwrap_or(rest.len()));
    let number = match word.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => word.parse(),
    };
    (number.map_or_else(|_| Token::Word(word.to_owned()), Token::Number), after)
}

fn text(rest: &str) -> (Token, &str) {
    let mut text = String::new();
    let mut chars = rest[1..].chars();
    loop {
        match chars.next().expect("'\"' at the end of a text") {
            '"' => break,
            '\\' => match chars.next().expect("something after '\\'") {
                'u' => {
                    let (digits, after) = chars.as_str()[1..].split_once('}').expect("'}'");
                    let code = u32::from_str_radix(digits, 16).expect("a code point");
                    text.push(char::from_u32(code).expect("a character"));
                    chars = after.chars();
                }
                plain => text.push(plain),
            },
            plain => text.push(plain),
        }
    }
    let (count, after) = repetition(chars.as_str());
    (Token::Text(text.repeat(count)), after)
}

/// Bytes as hexadecimal digits, and as texts in single quotes; either may be repeated with `*`.
pub(super) fn bytes(text: &str) -> Vec<u8> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (part, after) = match rest.strip_prefix('\'') {
            Some(quoted) => {
                let (inside, after) = quoted.split_once('\'').expect("a second quote");
                (inside.as_bytes().to_vec(), after)
            }
            None => {
                let end = rest.find([' ', '*']).unwrap_or(rest.len());
                (unhex(&rest[..end]), &rest[end..])
            }
        };
        let (count, after) = repetition(after);
        found.extend(part.repeat(count));
        rest = after.trim_start();
    }
    found
}

fn repetition(rest: &str) -> (usize, &str) {
    let Some(count) = rest.strip_prefix('*') else { return (1, rest) };
    let end = count.find(' ').unwrap_or(count.len());
    (count[..end].parse().expect("a number after '*'"), &count[end..])
}
