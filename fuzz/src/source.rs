//! Structured values out of unstructured bytes.

use std::sync::LazyLock;

/// As many bytes as a string or binary field can hold.
static LONGEST: LazyLock<String> = LazyLock::new(|| "x".repeat(65_535));

/// Strings that are ordinary in most places and special in some.
const WORDS: [&str; 16] = [
    "a",
    "b",
    "a/b",
    "/",
    "//",
    "$SYS/x",
    "$share/g/a",
    "sport/tennis/player1",
    "\u{feff}",
    "\u{ffff}",
    "\u{1}\u{7f}\u{9f}",
    "e\u{301}",
    "\u{10ffff}",
    "日本語",
    "with space",
    "\"quoted\\\"",
];

/// Numbers at which encodings change their length or their meaning.
const EDGES: [u32; 16] = [
    0,
    1,
    2,
    127,
    128,
    16_383,
    16_384,
    65_534,
    65_535,
    65_536,
    2_097_151,
    2_097_152,
    268_435_454,
    268_435_455,
    0x7fff_ffff,
    u32::MAX,
];

/// Reads values off the front of a fuzz input.
///
/// At the end of the input every value is its simplest one, so that a shorter input means a simpler
/// case. Strings and binary data are taken from the input as they are, where a fuzzer can see and
/// change them.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    rest: &'a [u8],
}

impl<'a> Source<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Up to `len` bytes.
    pub fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (head, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        head
    }

    pub fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or_default()
    }

    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Yes once in `n` times.
    pub fn rarely(&mut self, n: u8) -> bool {
        self.byte() % n == n - 1
    }

    pub fn short(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// A number of 32 bits, often one at which something changes.
    pub fn number(&mut self) -> u32 {
        match self.byte() {
            edge @ 0..=0x7f => EDGES[usize::from(edge) % EDGES.len()],
            _ => u32::from(self.short()) << 16 | u32::from(self.short()),
        }
    }

    /// A number from 0 to `n` - 1; `n` is at most 65,536.
    pub fn below(&mut self, n: usize) -> usize {
        let number = if n > 256 { self.short() } else { self.byte().into() };
        usize::from(number) % n
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Any string that MQTT can carry.
    pub fn text(&mut self) -> &'a str {
        match self.byte() {
            0xff => LONGEST.as_str(),
            word @ 0xc0..=0xfe => WORDS[usize::from(word) % WORDS.len()],
            len => clean(self.bytes(usize::from(len) % 24), &[0]),
        }
    }

    /// A topic name: not empty, without wildcards.
    pub fn topic(&mut self) -> &'a str {
        let text = clean(self.text().as_bytes(), b"\0+#");
        if text.is_empty() { "t" } else { text }
    }

    /// Binary data that fits into a field.
    pub fn binary(&mut self) -> &'a [u8] {
        match self.byte() {
            0xff => LONGEST.as_bytes(),
            len => self.bytes(usize::from(len) % 24),
        }
    }

    /// A payload, often of a length at which the remaining length grows.
    pub fn payload(&mut self) -> &'a [u8] {
        let len = match self.byte() {
            0xff => 16_360 + self.below(40),
            0xf0..=0xfe => 100 + self.below(60),
            len => return self.bytes(usize::from(len) % 24),
        };
        &LONGEST.as_bytes()[..len]
    }
}

/// The longest beginning that is well-formed and has none of the `forbidden` bytes.
fn clean<'a>(bytes: &'a [u8], forbidden: &[u8]) -> &'a str {
    let end = bytes.iter().position(|byte| forbidden.contains(byte)).unwrap_or(bytes.len());
    match std::str::from_utf8(&bytes[..end]) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    }
}
