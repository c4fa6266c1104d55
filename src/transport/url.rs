//! Where to connect: `mqtt://user:password@host:port`.

use std::fmt;
use std::net::IpAddr;

/// The scheme of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    /// Plain TCP.
    Mqtt,
    /// TLS, always.
    Mqtts,
}

impl Scheme {
    fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "mqtt" | "tcp" => Some(Self::Mqtt),
            "mqtts" | "ssl" => Some(Self::Mqtts),
            _ => None,
        }
    }

    pub(crate) const fn default_port(self) -> u16 {
        match self {
            Self::Mqtt => 1883,
            Self::Mqtts => 8883,
        }
    }
}

/// A server's address, before it is resolved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Host {
    /// A name, or an address without brackets.
    pub(crate) name: String,
    pub(crate) port: u16,
}

impl Host {
    /// Whether it can be looked up and connected to.
    pub(crate) fn check(&self) -> Result<(), UrlError> {
        check_name(&self.name)?;
        if self.port == 0 { Err(UrlError::Port { port: "0".to_owned() }) } else { Ok(()) }
    }
}

fn check_name(name: &str) -> Result<(), UrlError> {
    if name.is_empty() {
        return Err(UrlError::NoHost);
    }
    if name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(UrlError::Host { host: name.to_owned() });
    }
    Ok(())
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]:{}", self.name, self.port)
        } else {
            write!(f, "{}:{}", self.name, self.port)
        }
    }
}

/// A URL, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: Scheme,
    pub(crate) host: Host,
    pub(crate) user_name: Option<String>,
    pub(crate) password: Option<String>,
}

/// What is wrong with a URL. The text never contains the password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// No `SCHEME://`, or an unknown one.
    #[error("a URL begins with mqtt://, tcp://, mqtts:// or ssl://, as in mqtt://localhost:1883")]
    Scheme,
    /// Nothing where the host name should be.
    #[error("there is no host name")]
    NoHost,
    /// A host name or address that cannot be.
    #[error("{host:?} is not a host name or an address")]
    Host {
        /// What stands there.
        host: String,
    },
    /// A port that is not a number from 1 to 65,535.
    #[error("the port {port:?} is not a number from 1 to 65535")]
    Port {
        /// What stands there.
        port: String,
    },
    /// A path, query or fragment, which has no meaning here.
    #[error(
        "the URL goes on behind the port with {rest:?}, which has no meaning for MQTT over TCP"
    )]
    Rest {
        /// What stands there.
        rest: String,
    },
    /// User name or password with an incomplete `%XX`, or bytes that are not UTF-8.
    #[error("the {field} in the URL has a '%' that does not begin a valid escape")]
    Escape {
        /// User name or password.
        field: &'static str,
    },
}

impl Url {
    pub(crate) fn parse(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let scheme = Scheme::parse(scheme).ok_or(UrlError::Scheme)?;
        // A password may hold anything but '@', '/', '?' and '#', which are written as escapes.
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        if !matches!(tail, "" | "/") {
            return Err(UrlError::Rest { rest: tail.to_owned() });
        }
        let (login, address) = match authority.rsplit_once('@') {
            Some((login, address)) => (Some(login), address),
            None => (None, authority),
        };
        let (mut user_name, mut password) = (None, None);
        if let Some(login) = login {
            let (name, secret) = match login.split_once(':') {
                Some((name, secret)) => (name, Some(secret)),
                None => (login, None),
            };
            user_name = Some(unescape(name, "user name")?);
            password = secret.map(|secret| unescape(secret, "password")).transpose()?;
        }
        let host = parse_host(address, scheme)?;
        Ok(Self { scheme, host, user_name, password })
    }
}

fn parse_host(address: &str, scheme: Scheme) -> Result<Host, UrlError> {
    let (name, port) = match address.strip_prefix('[') {
        Some(bracketed) => {
            let (name, rest) = bracketed
                .split_once(']')
                .ok_or_else(|| UrlError::Host { host: address.to_owned() })?;
            // A scope, as in fe80::1%eth0, is not part of what `IpAddr` knows.
            let plain = name.split('%').next().unwrap_or_default();
            if plain.parse::<IpAddr>().is_err() {
                return Err(UrlError::Host { host: name.to_owned() });
            }
            let port = rest.strip_prefix(':');
            if port.is_none() && !rest.is_empty() {
                return Err(UrlError::Port { port: rest.to_owned() });
            }
            (name, port)
        }
        None => match address.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (address, None),
        },
    };
    check_name(name)?;
    let port = match port {
        None => scheme.default_port(),
        Some(text) => parse_port(text).ok_or_else(|| UrlError::Port { port: text.to_owned() })?,
    };
    Ok(Host { name: name.to_owned(), port })
}

fn parse_port(text: &str) -> Option<u16> {
    let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits_only && *port != 0)
}

fn unescape(text: &str, field: &'static str) -> Result<String, UrlError> {
    let error = || UrlError::Escape { field };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte != b'%' {
            bytes.push(byte);
            rest = tail;
            continue;
        }
        let (digits, tail) = tail.split_at_checked(2).ok_or_else(error)?;
        let digits = std::str::from_utf8(digits).map_err(|_| error())?;
        if digits.starts_with('+') {
            return Err(error());
        }
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| error())?);
        rest = tail;
    }
    String::from_utf8(bytes).map_err(|_| error())
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} (user {:?})", self.scheme, self.host, self.user_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let cases = [
            ("mqtt://localhost", Scheme::Mqtt, "localhost", 1883),
            ("MQTTS://broker.example.org", Scheme::Mqtts, "broker.example.org", 8883),
            ("tcp://10.0.0.1:1884/", Scheme::Mqtt, "10.0.0.1", 1884),
            ("ssl://[::1]:8884", Scheme::Mqtts, "::1", 8884),
            ("mqtt://[fe80::1%eth0]", Scheme::Mqtt, "fe80::1%eth0", 1883),
        ];
        for (text, scheme, name, port) in cases {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.scheme, url.host.name.as_str(), url.host.port), (scheme, name, port));
            assert_eq!((url.user_name, url.password), (None, None));
        }
    }

    #[test]
    fn user_name_and_password_may_hold_anything_escaped() {
        let url = Url::parse("mqtt://ann%40home:p%3a%2F%25w@host").unwrap();
        assert_eq!(url.user_name.as_deref(), Some("ann@home"));
        assert_eq!(url.password.as_deref(), Some("p:/%w"));
        let url = Url::parse("mqtt://a@b:c@host").unwrap();
        assert_eq!(url.user_name.as_deref(), Some("a@b"));
        let url = Url::parse("mqtt://:secret@host").unwrap();
        assert_eq!((url.user_name.as_deref(), url.password.as_deref()), (Some(""), Some("secret")));
        assert!(!format!("{url:?}").contains("secret"));
    }

    #[test]
    fn each_mistake_has_its_own_error() {
        let error = |text: &str| Url::parse(text).unwrap_err();
        assert_eq!(error("localhost"), UrlError::Scheme);
        assert_eq!(error("http://localhost"), UrlError::Scheme);
        assert_eq!(error("mqtt://"), UrlError::NoHost);
        assert_eq!(error("mqtt://:1883"), UrlError::NoHost);
        assert_eq!(error("mqtt://[::1"), UrlError::Host { host: "[::1".into() });
        assert_eq!(error("mqtt://[nonsense]"), UrlError::Host { host: "nonsense".into() });
        assert_eq!(error("mqtt://a b"), UrlError::Host { host: "a b".into() });
        for port in ["", "0", "65536", "+1", "x"] {
            assert_eq!(error(&format!("mqtt://h:{port}")), UrlError::Port { port: port.into() });
        }
        assert_eq!(error("mqtt://h:1/x"), UrlError::Rest { rest: "/x".into() });
        assert_eq!(error("mqtt://a%4:b@h"), UrlError::Escape { field: "user name" });
        assert_eq!(error("mqtt://a:%ff@h"), UrlError::Escape { field: "password" });
    }
}
