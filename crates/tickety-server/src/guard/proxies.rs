//! Proxies before the server: which are believed, and what.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use axum::http::HeaderMap;
pub use axum::http::HeaderName;
use tickety_api::ErrorCode;

use crate::guard::access::Scope;
use crate::problem::Problem;

/// What a proxy says of the way a request has come.
const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The headers by which one sees that a request has come through a proxy, beside those that begin as the second says. A proxy
/// that sends none of them can't be told from who asks himself.
const SIGNS: [&str; 7] =
    ["forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip", "cdn-loop"];
const SIGN: &str = "x-forwarded-";

/// The longest name of a user, in bytes.
const LONGEST_USER: usize = 100;

/// Addresses that have their first bits in common, as in `10.0.0.0/8`, or a single one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// A text that names no addresses.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` names no addresses: write one, or several as in 10.0.0.0/8")]
pub struct NetworkParseError(String);

impl FromStr for Network {
    type Err = NetworkParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NetworkParseError(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits > most {
            return Err(wrong());
        }
        Ok(Self { address, bits })
    }
}

impl Network {
    /// Whether an address is one of these.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(32 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(128 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// Returns what stands for all addresses that somebody has who has one: of version 6 its first 64 bits.
pub(crate) fn holder(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
    }
}

/// Which proxies are believed what. Default: none.
#[derive(Clone, Debug)]
pub struct Proxies {
    /// Their addresses.
    pub trusted: Vec<Network>,
    /// The header in which they name the user, if they do.
    pub user_header: Option<HeaderName>,
    /// What users are allowed whom they name. Default: writing.
    pub user_scope: Scope,
}

impl Default for Proxies {
    fn default() -> Self {
        Self { trusted: Vec::new(), user_header: None, user_scope: Scope::Write }
    }
}

/// From where a request has come.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Client {
    pub(crate) address: Option<IpAddr>,
    /// Whether it came over TLS as far as the proxy.
    pub(crate) is_https: bool,
    /// Whether it came through a proxy that nobody has named.
    pub(crate) is_through_stranger: bool,
    /// Whom a proxy names.
    pub(crate) user: Option<Arc<str>>,
}

impl Proxies {
    /// Finds out from where a request has come. Refuses the name of a user that no proxy of the list says.
    pub(crate) fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Result<Client, Problem> {
        let is_trusted = |address: IpAddr| self.trusted.iter().any(|network| network.contains(address));
        let peer = peer.map(|address| address.to_canonical());
        let comes_from_proxy = peer.is_some_and(is_trusted);
        let user = match &self.user_header {
            Some(name) if headers.contains_key(name) => {
                if !comes_from_proxy {
                    return Err(Problem::new(
                        ErrorCode::Forbidden,
                        format_args!("the header `{name}` is for proxies to set, and this is none of them"),
                    ));
                }
                Some(user(name, headers)?)
            }
            _ => None,
        };
        if !comes_from_proxy {
            let is_sign = |name: &HeaderName| SIGNS.contains(&name.as_str()) || name.as_str().starts_with(SIGN);
            let is_through_stranger = headers.keys().any(is_sign);
            return Ok(Client { address: peer, is_https: false, is_through_stranger, user });
        }
        // Each proxy adds at the end from whom it has the request: what stands before the last stranger may be invented.
        let mut address = peer;
        let named = headers.get_all(FORWARDED_FOR).iter().rev();
        let named = named.flat_map(|value| value.to_str().unwrap_or("?").rsplit(',').map(str::trim));
        for text in named {
            let Some(named) = address_of(text) else { break };
            address = Some(named);
            if !is_trusted(named) {
                break;
            }
        }
        let proto = headers.get_all(FORWARDED_PROTO).iter().next_back();
        let is_https = proto.is_some_and(|proto| {
            proto.to_str().is_ok_and(|text| text.rsplit(',').next().is_some_and(|last| last.trim() == "https"))
        });
        Ok(Client { address, is_https, is_through_stranger: false, user })
    }
}

fn user(name: &HeaderName, headers: &HeaderMap) -> Result<Arc<str>, Problem> {
    let wrong = || {
        let detail = format_args!("the header `{name}` names one user, in at most {LONGEST_USER} bytes of text");
        Problem::new(ErrorCode::Forbidden, detail)
    };
    let mut named = headers.get_all(name).iter();
    let (Some(value), None) = (named.next(), named.next()) else { return Err(wrong()) };
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| wrong())?.trim();
    let fits = (1..=LONGEST_USER).contains(&text.len()) && !text.chars().any(char::is_control);
    if fits { Ok(text.into()) } else { Err(wrong()) }
}

/// Reads an address that may have a port.
fn address_of(text: &str) -> Option<IpAddr> {
    let plain = || text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    plain().or_else(with_port).or_else(bracketed).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn proxies() -> Proxies {
        Proxies {
            trusted: vec!["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()],
            user_header: Some(HeaderName::from_static("x-remote-user")),
            user_scope: Scope::Write,
        }
    }

    fn client(peer: &str, headers: &[(&'static str, &str)]) -> Result<Client, Problem> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        proxies().client(Some(ip(peer)), &map)
    }

    #[test]
    fn networks_hold_their_addresses() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.1.2", "11.0.0.0"),
            ("10.0.0.0/8", "::ffff:10.1.1.1", "::ffff:11.1.1.1"),
            ("192.168.1.7", "192.168.1.7", "192.168.1.6"),
            ("0.0.0.0/0", "1.2.3.4", "::1"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("::/0", "::1", "1.2.3.4"),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(network.contains(ip(inside)) && !network.contains(ip(outside)), "{network:?}");
        }
        for wrong in ["", "x", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/", "10.0/8", "1.2.3.4:80"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_proxies_of_the_list_say_who_asks() {
        let user = [("x-remote-user", "ann")];
        assert_eq!(client("10.1.2.3", &user).unwrap().user.as_deref(), Some("ann"));
        assert!(client("8.8.8.8", &user).is_err() && client("127.0.0.1", &user).is_err());
        for wrong in [&[("x-remote-user", "ann"), ("x-remote-user", "bob")][..], &[("x-remote-user", " ")]] {
            assert!(client("10.1.2.3", wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_address_is_the_last_one_that_no_proxy_has() {
        for (peer, forwarded, address) in [
            ("8.8.8.8", "1.1.1.1", "8.8.8.8"),
            ("10.0.0.1", "1.1.1.1", "1.1.1.1"),
            ("10.0.0.1", "6.6.6.6, 1.1.1.1", "1.1.1.1"),
            ("10.0.0.1", "6.6.6.6, 1.1.1.1, 10.0.0.9", "1.1.1.1"),
            ("10.0.0.1", "6.6.6.6, junk, 10.0.0.9", "10.0.0.9"),
            ("10.0.0.1", "junk", "10.0.0.1"),
            ("::1", "[2001:db8::7]:443", "2001:db8::7"),
        ] {
            let found = client(peer, &[("x-forwarded-for", forwarded)]).unwrap();
            assert_eq!(found.address, Some(ip(address)), "{peer} {forwarded}");
            assert_eq!(found.is_through_stranger, peer == "8.8.8.8");
        }
        let twice = client("10.0.0.1", &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.1.1.1")]).unwrap();
        assert_eq!(twice.address, Some(ip("1.1.1.1")));
    }

    #[test]
    fn only_proxies_of_the_list_say_that_it_came_over_tls() {
        let https = [("x-forwarded-proto", "https")];
        assert!(client("10.0.0.1", &https).unwrap().is_https && !client("8.8.8.8", &https).unwrap().is_https);
        assert!(!client("10.0.0.1", &[("x-forwarded-proto", "https, http")]).unwrap().is_https);
    }
}
