//! Topic names, topic filters and whether they match.

use std::fmt;

use super::{DecodeError, TopicError};

/// The longest topic name or filter, in bytes.
pub const MAX_LEN: usize = 65_535;

const SHARE: &str = "$share/";

/// Checks a topic name: 1 to 65,535 bytes, no wildcard, no U+0000 (section 4.7).
///
/// # Errors
/// [`TopicError`] that says what is wrong.
pub fn check_name(name: &str) -> Result<(), TopicError> {
    let bytes = name.as_bytes();
    // One pass without an early exit, which the compiler turns into vector instructions.
    let special =
        bytes.iter().fold(0_u8, |found, byte| found | u8::from(matches!(byte, b'+' | b'#' | 0)));
    if special == 0 && !bytes.is_empty() && bytes.len() <= MAX_LEN {
        return Ok(());
    }
    Err(if bytes.is_empty() {
        TopicError::Empty
    } else if bytes.len() > MAX_LEN {
        TopicError::TooLong
    } else if bytes.contains(&0) {
        TopicError::NulCharacter
    } else {
        TopicError::Wildcard
    })
}

/// [`check_name`] with the errors of reading. Length and U+0000 were checked with the string.
pub(crate) fn check_received_name(name: &str, field: &'static str) -> Result<(), DecodeError> {
    match check_name(name) {
        Ok(()) => Ok(()),
        Err(TopicError::Empty) => Err(DecodeError::EmptyTopic { field }),
        Err(TopicError::NulCharacter) => Err(DecodeError::NulCharacter { field }),
        Err(_) => Err(DecodeError::WildcardInTopic { field }),
    }
}

/// A topic filter, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Filter<'a> {
    text: &'a str,
    share_name: Option<&'a str>,
    pattern: &'a str,
}

impl<'a> Filter<'a> {
    /// Reads a filter by the rules of MQTT 5.0, where `$share/NAME/FILTER` is a shared
    /// subscription.
    ///
    /// # Errors
    /// [`TopicError`] that says what is wrong.
    pub fn parse(text: &'a str) -> Result<Self, TopicError> {
        let Some(shared) = text.strip_prefix(SHARE) else { return Self::parse_plain(text) };
        check_length(text)?;
        let (share_name, pattern) = shared.split_once('/').ok_or(TopicError::Share)?;
        if share_name.is_empty() || pattern.is_empty() || share_name.contains(['+', '#']) {
            return Err(TopicError::Share);
        }
        check_pattern(pattern)?;
        Ok(Self { text, share_name: Some(share_name), pattern })
    }

    /// Reads a filter by the rules of MQTT 3.1 and 3.1.1, where `$share` is a level like any other.
    ///
    /// # Errors
    /// [`TopicError`] that says what is wrong.
    pub fn parse_plain(text: &'a str) -> Result<Self, TopicError> {
        check_length(text)?;
        check_pattern(text)?;
        Ok(Self { text, share_name: None, pattern: text })
    }

    /// The whole filter, as it was given.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.text
    }

    /// The name of the share, for a shared subscription.
    #[must_use]
    pub const fn share_name(&self) -> Option<&'a str> {
        self.share_name
    }

    /// What topic names are compared with: the filter without `$share/NAME/`.
    #[must_use]
    pub const fn pattern(&self) -> &'a str {
        self.pattern
    }

    /// Whether `+` or `#` stands in the pattern.
    #[must_use]
    pub fn has_wildcard(&self) -> bool {
        self.pattern.contains(['+', '#'])
    }

    /// Whether a message with this topic name matches.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        matches(self.pattern, name)
    }
}

impl fmt::Display for Filter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

fn check_length(text: &str) -> Result<(), TopicError> {
    match text.len() {
        0 => Err(TopicError::Empty),
        len if len > MAX_LEN => Err(TopicError::TooLong),
        _ if text.as_bytes().contains(&0) => Err(TopicError::NulCharacter),
        _ => Ok(()),
    }
}

fn check_pattern(pattern: &str) -> Result<(), TopicError> {
    let mut levels = pattern.split('/').peekable();
    while let Some(level) = levels.next() {
        if level.contains('#') && (level != "#" || levels.peek().is_some()) {
            return Err(TopicError::MultiLevelWildcard);
        }
        if level.contains('+') && level != "+" {
            return Err(TopicError::SingleLevelWildcard);
        }
    }
    Ok(())
}

/// Whether the topic name matches the pattern, by the rules of section 4.7.
///
/// Works level by level without recursion; levels are compared byte for byte. A pattern that begins
/// with a wildcard never matches a name that begins with `$`. Neither argument is checked: for a
/// pattern or a name that is not valid the answer has no meaning, but there is one.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    matches_bytes(pattern.as_bytes(), name.as_bytes())
}

pub(crate) fn matches_bytes(pattern: &[u8], name: &[u8]) -> bool {
    if name.starts_with(b"$") && matches!(pattern.first(), Some(b'+' | b'#')) {
        return false;
    }
    let is_separator = |byte: &u8| *byte == b'/';
    let mut names = name.split(is_separator);
    let mut patterns = pattern.split(is_separator);
    loop {
        match (patterns.next(), names.next()) {
            (Some(b"#"), _) | (None, None) => return true,
            (Some(b"+"), Some(_)) => {}
            (Some(wanted), Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_refused_for_their_own_reasons() {
        assert_eq!(check_name(""), Err(TopicError::Empty));
        assert_eq!(check_name("a/+"), Err(TopicError::Wildcard));
        assert_eq!(check_name("a#"), Err(TopicError::Wildcard));
        assert_eq!(check_name("a\0b"), Err(TopicError::NulCharacter));
        assert_eq!(check_name(&"a".repeat(65_535)), Ok(()));
        assert_eq!(check_name(&"a".repeat(65_536)), Err(TopicError::TooLong));
        assert_eq!(check_name("$iothub/methods/res/200/?$rid=1&x=y z"), Ok(()));
    }

    #[test]
    fn a_topic_of_nothing_but_slashes_is_matched_without_recursion() {
        let slashes = "/".repeat(65_400);
        assert!(matches(&slashes, &slashes));
        assert!(matches("#", &slashes));
        assert!(!matches(&slashes, "/"));
        assert!(matches(&format!("{}+", "+/".repeat(1000)), &"/".repeat(1000)));
    }

    #[test]
    fn a_share_is_taken_apart() {
        let filter = Filter::parse("$share/group/a/+/b").unwrap();
        assert_eq!(filter.share_name(), Some("group"));
        assert_eq!(filter.pattern(), "a/+/b");
        assert_eq!(filter.as_str(), "$share/group/a/+/b");
        assert!(filter.has_wildcard() && filter.matches("a/x/b"));
        let plain = Filter::parse_plain("$share/group/a").unwrap();
        assert_eq!(plain.share_name(), None);
        assert!(plain.matches("$share/group/a") && !plain.matches("a"));
    }
}
