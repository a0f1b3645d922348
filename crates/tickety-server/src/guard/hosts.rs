//! Which names the server answers to, and the pages of which origins may ask it.
//!
//! A page of a stranger can have its own name point to this machine (DNS rebinding) and then is, to the browser, of the same
//! origin as the server. What it can't do is to have the browser send another name: so a request that doesn't name a host
//! of the list is refused, whatever it asks for.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use tickety_api::ErrorCode;

use crate::problem::Problem;

/// A name of the server, with a port or for any.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AllowedHost(String);

/// An origin whose pages may ask, as in `https://board.example.org`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AllowedOrigin(String);

/// A text that is no host, or no origin.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HostParseError {
    /// It is no host.
    #[error("`{0}` is no host: write a name or an address, with a port or without, as in tickety.example.org:8443")]
    Host(String),
    /// It is no origin.
    #[error("`{0}` is no origin: write the scheme and the host, and nothing after, as in https://board.example.org")]
    Origin(String),
}

/// A host and perhaps a port, as they stand in a header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Authority<'a> {
    host: Host<'a>,
    port: Option<u16>,
}

#[derive(Clone, Copy, Debug)]
enum Host<'a> {
    Address(IpAddr),
    Name(&'a str),
}

impl PartialEq for Host<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Address(one), Self::Address(other)) => one == other,
            (Self::Name(one), Self::Name(other)) => one.eq_ignore_ascii_case(other),
            (Self::Address(_), Self::Name(_)) | (Self::Name(_), Self::Address(_)) => false,
        }
    }
}

impl Eq for Host<'_> {}

impl<'a> Authority<'a> {
    /// Reads one; `None` where there is anything else to it, such as a user.
    fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, rest) = rest.split_once(']')?;
                let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) };
                (Host::Address(IpAddr::V6(address.parse::<Ipv6Addr>().ok()?)), port)
            }
            None => {
                let (host, port) = match text.split_once(':') {
                    Some((host, port)) => (host, Some(port)),
                    None => (text, None),
                };
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
                if host.is_empty() || host.len() > 253 || !host.bytes().all(is_plain) {
                    return None;
                }
                let host = host.parse().map_or(Host::Name(host), Host::Address);
                (host, port)
            }
        };
        let port = match port {
            None => None,
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(port.parse().ok()?),
            Some(_) => return None,
        };
        Some(Self { host, port })
    }

    /// Whether it names the machine itself.
    fn is_loopback(&self) -> bool {
        match self.host {
            Host::Address(address) => address.is_loopback(),
            Host::Name(name) => name.eq_ignore_ascii_case("localhost"),
        }
    }
}

impl FromStr for AllowedHost {
    type Err = HostParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // An address of version 6 may come without its brackets.
        let text = text.parse::<Ipv6Addr>().map_or_else(|_| text.to_owned(), |address| format!("[{address}]"));
        match Authority::parse(&text) {
            Some(_) => Ok(Self(text)),
            None => Err(HostParseError::Host(text)),
        }
    }
}

impl From<IpAddr> for AllowedHost {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self(address.to_string()),
            IpAddr::V6(address) => Self(format!("[{address}]")),
        }
    }
}

impl AllowedHost {
    /// Whether it is a name of the machine that no other machine knows it by.
    pub fn is_loopback(&self) -> bool {
        Authority::parse(&self.0).is_some_and(|authority| authority.is_loopback())
    }

    fn covers(&self, asked: Authority<'_>) -> bool {
        Authority::parse(&self.0)
            .is_some_and(|own| own.host == asked.host && (own.port.is_none() || own.port == asked.port))
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AllowedOrigin {
    type Err = HostParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || HostParseError::Origin(text.to_owned());
        let lower = text.to_ascii_lowercase();
        let (scheme, rest) = lower.split_once("://").ok_or_else(wrong)?;
        let usual = usual_port(scheme).ok_or_else(wrong)?;
        let authority = Authority::parse(rest).ok_or_else(wrong)?;
        // Browsers leave out the usual port.
        let rest = match authority.port {
            Some(port) if port == usual => rest.rsplit_once(':').map_or(rest, |(host, _)| host),
            _ => rest,
        };
        Ok(Self(format!("{scheme}://{rest}")))
    }
}

fn usual_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// The names of the server and the origins whose pages may ask. The machine's names for itself are always among the names:
/// `localhost`, 127.0.0.0/8 and ::1, with any port.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Allowed {
    /// Other names of the server. Default: none.
    pub hosts: Vec<AllowedHost>,
    /// Origins whose pages may ask, besides the server's own. Default: none.
    pub origins: Vec<AllowedOrigin>,
}

/// From where a request comes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    /// Nobody says: no page, or one that a person has gone to, or that asks what every page may ask.
    Unsaid,
    /// From a page of the server.
    Own,
    /// From a page of an origin that may ask.
    Other(HeaderValue),
}

impl Allowed {
    /// Refuses a request that asks for another host.
    pub(crate) fn host<'r>(&self, request: &'r Request) -> Result<Authority<'r>, Problem> {
        let mut named = request.headers().get_all(header::HOST).iter();
        let header = match (named.next(), named.next()) {
            (_, Some(_)) => return Err(foreign_host("a request names its host once")),
            (Some(host), None) => Some(
                host.to_str()
                    .ok()
                    .and_then(Authority::parse)
                    .ok_or_else(|| foreign_host("the header `Host` can't be read"))?,
            ),
            (None, None) => None,
        };
        let target = match request.uri().authority() {
            Some(authority) => {
                Some(Authority::parse(authority.as_str()).ok_or_else(|| foreign_host("the address can't be read"))?)
            }
            None => None,
        };
        let asked = match (header, target) {
            (Some(header), Some(target)) if header != target => {
                return Err(foreign_host("the header `Host` says something else than the address"));
            }
            (Some(asked), _) | (None, Some(asked)) => asked,
            (None, None) => return Err(foreign_host("a request names its host")),
        };
        if asked.is_loopback() || self.hosts.iter().any(|host| host.covers(asked)) {
            return Ok(asked);
        }
        Err(foreign_host("this server has another name").hint("`tickety serve --allow-host NAME` adds a name"))
    }

    /// Refuses a request of a page that may not ask.
    pub(crate) fn origin(&self, headers: &HeaderMap, host: Authority<'_>) -> Result<Origin, Problem> {
        let mut named = headers.get_all(header::ORIGIN).iter();
        let origin = match (named.next(), named.next()) {
            (_, Some(_)) => return Err(foreign_origin("a request names its origin once")),
            (Some(origin), None) => origin,
            (None, None) if is_of_stranger(headers) => {
                return Err(foreign_origin("pages of other origins may not ask this server"));
            }
            (None, None) => return Ok(Origin::Unsaid),
        };
        let text = origin.to_str().map_err(|_| foreign_origin("the header `Origin` can't be read"))?;
        if is_same(text, host) {
            return Ok(Origin::Own);
        }
        if self.origins.iter().any(|allowed| allowed.0.eq_ignore_ascii_case(text)) {
            return Ok(Origin::Other(origin.clone()));
        }
        Err(foreign_origin("pages of other origins may not ask this server")
            .hint("`tickety serve --allow-origin ORIGIN` lets them"))
    }
}

/// Whether an origin is that of the host that is asked.
fn is_same(origin: &str, host: Authority<'_>) -> bool {
    let Some((scheme, rest)) = origin.split_once("://") else { return false };
    let (Some(usual), Some(origin)) = (usual_port(scheme), Authority::parse(rest)) else { return false };
    origin.host == host.host && origin.port.unwrap_or(usual) == host.port.unwrap_or(usual)
}

/// Whether a browser says that a page of another origin asks, and not a person who goes to a page.
fn is_of_stranger(headers: &HeaderMap) -> bool {
    let is = |name: &str, values: &[&str]| {
        headers.get(name).is_some_and(|value| values.iter().any(|known| value.as_bytes() == known.as_bytes()))
    };
    let goes = is("sec-fetch-mode", &["navigate"]) && is("sec-fetch-dest", &["document"]);
    is("sec-fetch-site", &["cross-site", "same-site"]) && !goes
}

fn foreign_host(detail: &'static str) -> Problem {
    Problem::new(ErrorCode::ForeignHost, detail)
}

fn foreign_origin(detail: &'static str) -> Problem {
    Problem::new(ErrorCode::ForeignOrigin, detail)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn allowed() -> Allowed {
        Allowed {
            hosts: ["tickety.example.org", "proxy.example.org:8443", "fe80::1"]
                .map(|host| host.parse().unwrap())
                .into(),
            origins: ["https://Board.example.org:443", "http://localhost:3000"].map(|at| at.parse().unwrap()).into(),
        }
    }

    fn is_allowed(host: &str) -> bool {
        let request = Request::get("/").header("host", host).body(Body::empty()).unwrap();
        allowed().host(&request).is_ok()
    }

    #[test]
    fn own_names_are_answered_and_no_others() {
        for host in [
            "localhost",
            "LOCALHOST:7420",
            "127.0.0.1",
            "127.8.9.1:1",
            "[::1]:7420",
            "tickety.example.org",
            "Tickety.Example.ORG:9",
            "proxy.example.org:8443",
            "[fe80::1]:7420",
        ] {
            assert!(is_allowed(host), "{host}");
        }
        for host in [
            "",
            " ",
            "evil.example.com",
            "evil.example.com:7420",
            "localhost.evil.example.com",
            "localhost:80:80",
            "evil@localhost",
            "localhost@evil",
            "localhost/",
            "localhost:x",
            "localhost:+80",
            "localhost:99999",
            "127.1",
            "0.0.0.0",
            "0x7f.0.0.1",
            "2130706433",
            "192.168.0.1",
            "proxy.example.org",
            "proxy.example.org:7420",
            "[::1",
            "[::1]x",
            "::1",
            "[::ffff:127.0.0.1]",
            "tickety.example.org.evil.com",
            "localhost, evil.com",
            "localhost.",
            "sub.tickety.example.org",
            "[::1%25lo]",
        ] {
            assert!(!is_allowed(host), "{host:?}");
        }
    }

    #[test]
    fn a_host_is_named_once_and_the_same_everywhere() {
        let ask = |uri: &str, hosts: &[&str]| {
            let mut request = Request::get(uri);
            for host in hosts {
                request = request.header("host", *host);
            }
            allowed().host(&request.body(Body::empty()).unwrap()).is_ok()
        };
        assert!(ask("/", &["localhost"]));
        assert!(ask("http://localhost/", &["localhost"]));
        assert!(ask("http://localhost/", &[]));
        for (uri, hosts) in [
            ("/", &[][..]),
            ("/", &["localhost", "localhost"]),
            ("/", &["localhost", "evil.example.com"]),
            ("/", &["evil.example.com", "localhost"]),
            ("http://evil.example.com/", &["localhost"]),
            ("http://localhost/", &["evil.example.com"]),
            ("http://evil.example.com/", &[]),
        ] {
            assert!(!ask(uri, hosts), "{uri} {hosts:?}");
        }
    }

    #[test]
    fn pages_of_the_server_and_of_the_list_may_ask() {
        let ask = |host: &str, origins: &[&str]| {
            let mut headers = HeaderMap::new();
            for origin in origins {
                headers.append("origin", origin.parse().unwrap());
            }
            allowed().origin(&headers, Authority::parse(host).unwrap()).ok()
        };
        assert_eq!(ask("localhost:7420", &[]), Some(Origin::Unsaid));
        for (host, origin) in [
            ("localhost:7420", "http://localhost:7420"),
            ("localhost", "http://localhost:80"),
            ("tickety.example.org", "https://tickety.example.org"),
            ("[::1]:7420", "http://[::1]:7420"),
        ] {
            assert_eq!(ask(host, &[origin]), Some(Origin::Own), "{host} {origin}");
        }
        for origin in ["https://board.example.org", "http://localhost:3000"] {
            assert!(matches!(ask("localhost:7420", &[origin]), Some(Origin::Other(_))), "{origin}");
        }
        for origins in [
            &["null"][..],
            &[""],
            &["http://evil.example.com"],
            &["http://localhost"],
            &["http://localhost:7421"],
            &["http://127.0.0.1:7420"],
            &["http://board.example.org"],
            &["https://board.example.org.evil.com"],
            &["file://localhost:7420"],
            &["http://localhost:7420/"],
            &["http://localhost:7420@evil.com"],
            &["http://localhost:7420", "http://evil.example.com"],
            &["http://localhost:7420", "http://localhost:7420"],
        ] {
            assert_eq!(ask("localhost:7420", origins), None, "{origins:?}");
        }
    }

    #[test]
    fn what_a_browser_sends_for_a_page_of_a_stranger_is_refused_and_a_person_may_come() {
        let ask = |fetch: [&str; 3]| {
            let mut headers = HeaderMap::new();
            for (name, value) in ["sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"].into_iter().zip(fetch) {
                headers.insert(name, value.parse().unwrap());
            }
            allowed().origin(&headers, Authority::parse("localhost").unwrap()).is_ok()
        };
        assert!(ask(["none", "navigate", "document"]) && ask(["cross-site", "navigate", "document"]));
        assert!(ask(["same-origin", "cors", "empty"]));
        for fetch in
            [["cross-site", "no-cors", "image"], ["same-site", "cors", "empty"], ["cross-site", "navigate", "iframe"]]
        {
            assert!(!ask(fetch), "{fetch:?}");
        }
    }

    #[test]
    fn what_is_no_host_or_origin_is_told() {
        for text in ["", "a b", "http://x", "x:y", "x/y", "*", "x@y"] {
            assert!(text.parse::<AllowedHost>().is_err(), "{text}");
        }
        for text in ["", "x", "ftp://x", "https://x/", "https://", "*", "null", "https://*.x"] {
            assert!(text.parse::<AllowedOrigin>().is_err(), "{text}");
        }
    }
}
