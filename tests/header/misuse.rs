//! What a C program can pass wrongly, made from the header: NULL for each pointer, bytes that are no UTF-8 for
//! each string, numbers that cannot be, handles that are gone. `tests/capi/test_misuse.c` makes the calls.

use std::fmt::Write as _;

/// A function of the header.
pub(crate) struct Function {
    pub(crate) name: String,
    description: String,
    returns: String,
    arguments: Vec<Argument>,
}

struct Argument {
    kind: String,
    name: String,
}

/// The functions that a header declares.
pub(crate) fn functions(header: &str) -> Vec<Function> {
    header.split("\nMQTTLINK_API").skip(1).zip(header.split("\nMQTTLINK_API")).map(parse).collect()
}

fn parse((text, before): (&str, &str)) -> Function {
    let declaration: Vec<&str> = text.split(';').next().unwrap().split_whitespace().collect();
    let declaration = declaration.join(" ");
    let (head, arguments) = declaration.trim_end_matches(')').split_once('(').unwrap();
    let (name, returns) = last_word(head);
    let arguments = arguments.split(", ").filter(|argument| *argument != "void").map(|argument| {
        let (name, kind) = last_word(argument);
        Argument { kind, name }
    });
    let description = before.rsplit("/**").next().unwrap().to_owned();
    Function { name, description, returns, arguments: arguments.collect() }
}

fn last_word(text: &str) -> (String, String) {
    let start = text.rfind(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap() + 1;
    let kind = text[..start].replace("struct ", "");
    (text[start..].to_owned(), kind.trim().to_owned())
}

impl Argument {
    fn is_pointer(&self) -> bool {
        self.kind.ends_with('*') || self.kind.ends_with("_fn")
    }

    fn is_text(&self) -> bool {
        self.kind == "const char *"
    }

    /// Something that the argument can be.
    fn proper(&self) -> String {
        match (self.kind.as_str(), self.name.as_str()) {
            ("mqttlink_free_fn", _) | ("void *", "user") => "NULL".to_owned(),
            ("const char *", "url") => "\"mqtt://localhost\"".to_owned(),
            ("const char *", "address" | "local" | "found") => "\"127.0.0.1\"".to_owned(),
            ("const char *", _) => "\"a\"".to_owned(),
            ("const char *const *", _) => "(const char *const[]){\"a\"}".to_owned(),
            ("const void *", _) => "\"x\"".to_owned(),
            ("void *", _) => "(char[1]){0}".to_owned(),
            ("bool", _) => "false".to_owned(),
            ("int64_t", _) => "0".to_owned(),
            ("int32_t", "version") => "5".to_owned(),
            ("int32_t", "reason") => "0x80".to_owned(),
            ("size_t" | "uint64_t" | "uint32_t" | "uint16_t" | "int32_t", _) => "1".to_owned(),
            (kind, _) if kind.ends_with("_fn") => kind.replace("mqttlink_", "a_"),
            (kind, _) if kind.ends_with("**") => format!("({}[1]){{0}}", kind.replace("**", "*")),
            (kind, name) => match kind.trim_end_matches(" *").trim_start_matches("const ") {
                plain @ ("bool"
                | "int32_t"
                | "uint32_t"
                | "uint64_t"
                | "size_t"
                | "mqttlink_property"
                | "mqttlink_statistics"
                | "mqttlink_left"
                | "mqttlink_recorded"
                | "mqttlink_view"
                | "mqttlink_broker_counters") => format!("&({plain}){{0}}"),
                object => {
                    assert!(object.starts_with("mqttlink_"), "{kind} {name}");
                    object.replace("mqttlink_", "a_")
                }
            },
        }
    }
}

impl Function {
    fn fails(&self) -> bool {
        self.returns.ends_with("mqttlink_status") && !self.name.starts_with("mqttlink_error_")
    }

    fn call(&self, wrong: impl Fn(&Argument) -> Option<String>) -> String {
        let each = self.arguments.iter().map(|one| wrong(one).unwrap_or_else(|| one.proper()));
        format!("{}({})", self.name, each.collect::<Vec<_>>().join(", "))
    }

    /// Where its rows can run: what only lives in a callback is not had anywhere else.
    fn place(&self) -> &'static str {
        let first = self.arguments.first().map_or("", |argument| argument.kind.as_str());
        match first {
            "mqttlink_reply *" => "REPLY",
            "mqttlink_draft *" => "DRAFT",
            "mqttlink_addresses *" => "ADDRESSES",
            _ => "PLAIN",
        }
    }

    /// Whether the description lets this pointer be NULL.
    fn takes_null(&self, argument: &Argument) -> bool {
        let name = argument.name.as_str();
        let about = |function: &str| match function.strip_suffix('*') {
            Some(start) => self.name.starts_with(start),
            None => self.name == function,
        };
        let listed = OPTIONAL.iter().any(|(function, one)| *one == name && about(function));
        // Said here, or where the description points.
        let said = ["NULL", "`mqttlink_client_", "those of"].iter();
        let said = said.into_iter().any(|words| self.description.contains(words));
        assert!(said || !listed, "{}: nothing is said about NULL for {name}", self.name);
        listed
            || matches!(
                (argument.kind.as_str(), name),
                ("mqttlink_free_fn", _) | ("void *", "user")
            )
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        // It sets no error, for it may be called in a signal handler.
        if self.name == "mqttlink_client_interrupt" {
            return Vec::new();
        }
        if !self.fails() {
            let null = |argument: &Argument| argument.is_pointer().then(|| "NULL".to_owned());
            let call = self.call(null);
            // What it makes is freed.
            let made = self.returns.trim_end_matches(" *");
            let owned = made.starts_with("mqttlink_") && made.len() < self.returns.len();
            let call = if owned { format!("{made}_free({call})") } else { call };
            return vec![("PLAIN", format!("LOOKS({call})"))];
        }
        let mut rows = Vec::new();
        for (place, wrong) in self.arguments.iter().enumerate() {
            // A length is called what it is the length of.
            let of = wrong.kind == "size_t" && place > 0 && self.arguments[place - 1].is_pointer();
            let named = if of { &self.arguments[place - 1].name } else { &wrong.name };
            let named = if self.name.ends_with("_statistics") || self.name.ends_with("_view") {
                &wrong.name
            } else {
                named
            };
            let row = |status: &str, instead: &str| {
                let call = self.call(|one| (one.name == wrong.name).then(|| instead.to_owned()));
                (self.place(), format!("FAILS_AT(MQTTLINK_ERROR_{status}, \"{named}\", {call})"))
            };
            if wrong.is_pointer() && !self.takes_null(wrong) {
                rows.push(row("NULL", "NULL"));
            }
            if wrong.is_text() {
                rows.push(row("UTF8", "\"a\\xff\""));
            }
            match (wrong.kind.as_str(), wrong.name.as_str()) {
                ("int32_t", _) => rows.push(row("NUMBER", "INT32_MAX")),
                ("int64_t", "timeout_ms" | "drain_ms") => rows.push(row("NUMBER", "-3")),
                ("size_t", "len" | "certificate_len" | "key_len")
                    if !self.name.ends_with("_source") =>
                {
                    rows.push(row("NUMBER", "SIZE_MAX"));
                }
                ("size_t", "size") => rows.push(row(
                    "NUMBER",
                    if self.name.ends_with("_read") { "SIZE_MAX" } else { "1" },
                )),
                _ => {}
            }
        }
        let first = self
            .arguments
            .first()
            .map_or("", |argument| argument.kind.trim_start_matches("const "));
        if matches!(first, "mqttlink_client *" | "mqttlink_broker *") {
            rows.push(("GONE", format!("FAILS(GONE, {})", self.call(|_| None))));
        }
        rows
    }
}

/// Pointers that may be NULL: function, or how its name begins, and argument.
const OPTIONAL: &[(&str, &str)] = &[
    ("mqttlink_options_set_credentials", "user_name"),
    ("mqttlink_options_set_credentials", "password"),
    ("mqttlink_options_set_will", "properties"),
    ("mqttlink_options_on_*", "callback"),
    ("mqttlink_options_set_authenticator", "finish"),
    ("mqttlink_client_connect", "granted"),
    ("mqttlink_client_reconnect", "granted"),
    ("mqttlink_client_disconnect_with", "properties"),
    ("mqttlink_client_disconnect_with", "drained"),
    ("mqttlink_client_publish*", "properties"),
    ("mqttlink_client_publish*", "delivery"),
    ("mqttlink_client_try_publish", "properties"),
    ("mqttlink_client_try_publish", "delivery"),
    ("mqttlink_subscription_set_handler", "callback"),
    ("mqttlink_subscription_set_properties", "properties"),
    ("mqttlink_client_subscribe", "results"),
    ("mqttlink_client_subscribe_one", "granted"),
    ("mqttlink_client_unsubscribe*", "properties"),
    ("mqttlink_client_unsubscribe", "results"),
    ("mqttlink_log_set", "callback"),
    ("mqttlink_broker_options_listen", "tls"),
    ("mqttlink_broker_options_set_response_information", "information"),
    ("mqttlink_broker_options_on_*", "callback"),
    ("mqttlink_broker_options_on_exchange", "begin"),
    ("mqttlink_broker_publish", "properties"),
    ("mqttlink_broker_disconnect", "found"),
    ("mqttlink_broker_delete_session", "found"),
    ("mqttlink_broker_subscribe", "callback"),
    ("mqttlink_draft_set_properties", "properties"),
];

/// All of it, as a file that is included where the objects are.
pub(crate) fn table(header: &str) -> String {
    let rows: Vec<_> = functions(header).iter().flat_map(Function::rows).collect();
    let mut text = String::from(
        "/* Made from include/mqttlink.h: UPDATE_HEADER=1 cargo test --test header. See test_misuse.c. */\n",
    );
    for place in ["PLAIN", "REPLY", "DRAFT", "ADDRESSES", "GONE"] {
        writeln!(text, "#ifdef {place}_ROWS").unwrap();
        for (_, row) in rows.iter().filter(|(where_to, _)| *where_to == place) {
            writeln!(text, "{row};").unwrap();
        }
        text.push_str("#endif\n");
    }
    text
}
