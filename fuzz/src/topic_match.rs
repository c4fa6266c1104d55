//! Topic filters and the matcher, against an oracle that follows the text of section 4.7 word for
//! word and is as slow as it likes.

use mqttlink::codec::topic::{Filter, check_name, matches};

/// The input is a filter and a name, with a zero byte between them.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (filter, name) = text.split_once('\0').unwrap_or((&text, "a/b"));
    compare(filter, name);
}

/// The library's answers for a filter and a name are the oracle's.
pub fn compare(filter: &str, name: &str) {
    let plain = Filter::parse_plain(filter);
    assert_eq!(plain.is_ok(), is_filter(filter), "{filter:?} as a filter");
    let shared = Filter::parse(filter);
    assert_eq!(shared.is_ok(), is_filter_v5(filter), "{filter:?} as a filter of MQTT 5.0");
    assert_eq!(check_name(name).is_ok(), is_name(name), "{name:?} as a name");
    if let (Ok(plain), true) = (plain, is_name(name)) {
        assert_eq!(plain.matches(name), covers(filter, name), "{filter:?} and {name:?}");
    }
    if let (Ok(shared), true) = (shared, is_name(name)) {
        let pattern = match share(filter) {
            Some((_, pattern)) => pattern,
            None => filter,
        };
        assert_eq!(shared.pattern(), pattern);
        assert_eq!(shared.share_name(), share(filter).map(|(name, _)| name));
        assert_eq!(shared.matches(name), covers(pattern, name), "{filter:?} and {name:?}");
    }
    // For what is not valid there is an answer, whichever.
    let _ = matches(filter, name);
}

fn is_name(text: &str) -> bool {
    let len = text.len();
    (1..=65_535).contains(&len) && !text.chars().any(|c| matches!(c, '\0' | '+' | '#'))
}

fn is_filter(text: &str) -> bool {
    let len = text.len();
    (1..=65_535).contains(&len) && !text.contains('\0') && is_pattern(&levels(text))
}

fn is_pattern(levels: &[&str]) -> bool {
    match levels {
        [] => true,
        ["#"] => true,
        [level, rest @ ..] => (*level == "+" || !level.contains(['+', '#'])) && is_pattern(rest),
    }
}

fn is_filter_v5(text: &str) -> bool {
    let is_share = text.split('/').next() == Some("$share") && text.contains('/');
    match share(text) {
        Some((name, pattern)) => {
            let named = !name.is_empty() && !name.contains(['+', '#']);
            named && is_filter(pattern) && is_filter(text)
        }
        None => is_filter(text) && !is_share,
    }
}

/// Share name and pattern of `$share/NAME/PATTERN`.
fn share(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("$share/")?.split_once('/')
}

/// Whether a valid pattern covers a valid name.
fn covers(pattern: &str, name: &str) -> bool {
    let hidden = name.starts_with('$') && pattern.starts_with(['+', '#']);
    !hidden && covers_levels(&levels(pattern), &levels(name))
}

fn covers_levels(pattern: &[&str], name: &[&str]) -> bool {
    match (pattern, name) {
        // Itself or anything below it.
        (["#"], _) => true,
        ([], []) => true,
        (["+", pattern @ ..], [_, name @ ..]) => covers_levels(pattern, name),
        ([wanted, pattern @ ..], [level, name @ ..]) => {
            wanted == level && covers_levels(pattern, name)
        }
        _ => false,
    }
}

fn levels(text: &str) -> Vec<&str> {
    text.split('/').collect()
}
