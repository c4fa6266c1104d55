//! The C++ class: what it offers is what its suites call.

use std::collections::BTreeSet;

use crate::read;

/// The public methods of the classes in a header, without constructors and operators.
fn methods(header: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut public = false;
    for line in header.lines() {
        match line {
            "public:" => public = true,
            "private:" | "protected:" | "};" => public = false,
            _ if line.starts_with("struct ") => public = true,
            _ if line.starts_with("class ") => public = false,
            _ if public => found.extend(method(line)),
            _ => {}
        }
    }
    found
}

/// The method that is declared in this line, which has a type before its name.
fn method(line: &str) -> Option<String> {
    let declaration =
        line.strip_prefix("    ").filter(|rest| rest.starts_with(char::is_alphabetic))?;
    let (before, _) = declaration.split_once('(')?;
    let name = before.rsplit([' ', '&', '*']).next()?;
    let kind = before.strip_suffix(name)?.trim();
    let is_name =
        !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    let declares = !["", "explicit", "return", "virtual"].contains(&kind)
        && !kind.starts_with("template")
        && !kind.ends_with("operator");
    (is_name && declares).then(|| name.to_owned())
}

/// The code without what stands in comments and strings.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let skipped = match next {
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => {
                let mut escaped = false;
                let end = rest.char_indices().skip(1).find(|(_, letter)| {
                    let ends = *letter == '"' && !escaped;
                    escaped = *letter == '\\' && !escaped;
                    ends
                });
                end.map_or(rest.len(), |(at, _)| at + 1)
            }
            _ => 0,
        };
        if skipped == 0 {
            code.push(next);
        }
        rest = rest.split_at(skipped.max(next.len_utf8())).1;
    }
    code
}

/// Whether somebody calls this, or declares it anew where it is virtual.
fn called(code: &str, name: &str) -> bool {
    let call = format!("{name}(");
    code.match_indices(&call).any(|(at, _)| {
        let before = code.split_at(at).0.chars().next_back();
        !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
    })
}

#[test]
fn the_cpp_suites_call_each_public_method() {
    let methods = methods(&read("include/mqttlink.hpp"));
    assert!(methods.len() > 200, "only {} methods found", methods.len());
    let suites = ["cpp", "cpp_broker", "cpp_requests", "cpp_settings"];
    let code = suites.map(|name| code(&read(&format!("tests/capi/test_{name}.cpp")))).concat();
    let silent: Vec<&String> = methods.iter().filter(|name| !called(&code, name)).collect();
    assert!(silent.is_empty(), "no suite in tests/capi calls {silent:?}");
}

#[test]
fn a_name_in_a_comment_or_string_is_no_call() {
    let text = code("/* a() */ \"b(\\\" c()\" d(); // e()\nof(); f ();");
    assert!(called(&text, "d") && called(&text, "of"));
    assert!(!["a", "b", "c", "e", "f"].iter().any(|name| called(&text, name)), "{text}");
}
