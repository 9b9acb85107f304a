//! For whom a request is made: the peer of the connection, or the one whom a trusted proxy names.

use std::net::IpAddr;

use crate::net::{Network, is_private};

/// Proxies whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Network>);

impl Proxies {
    /// Reads networks with commas between; `None` if one is none.
    pub fn parse(text: &str) -> Option<Self> {
        text.split(',').map(|network| network.trim().parse().ok()).collect::<Option<_>>().map(Self)
    }

    /// Whether `address` is a proxy's.
    pub fn include(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// The address of whoever asks. `forwarded` are the values of `X-Forwarded-For`, in the order in which they came: each proxy
    /// adds the address that it was asked from, so the last ones are to be believed for as long as proxies told them.
    pub fn caller<'a>(&self, peer: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'a str>) -> IpAddr {
        let mut caller = peer;
        for hop in forwarded.rev().flat_map(|value| value.rsplit(',')) {
            if !self.include(caller) {
                break;
            }
            let Some(address) = address(hop) else { break };
            caller = address;
        }
        caller.to_canonical()
    }
}

/// Whether `peer` and all those whom it claims to ask for are on networks that are one's own. Whoever lies here can only
/// make themselves more of a stranger.
pub fn is_near<'a>(peer: IpAddr, forwarded: impl Iterator<Item = &'a str>) -> bool {
    let mut hops = forwarded.flat_map(|value| value.split(','));
    is_private(peer) && hops.all(|hop| address(hop).is_some_and(is_private))
}

/// `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::7` or `[2001:db8::7]:4711`.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let with_port = || hop.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    hop.parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(peer: &str, forwarded: &[&str]) -> String {
        let proxies = Proxies::parse("127.0.0.0/8, 10.9.0.0/16").unwrap();
        proxies.caller(peer.parse().unwrap(), forwarded.iter().copied()).to_string()
    }

    #[test]
    fn a_proxy_that_is_trusted_names_the_caller() {
        assert_eq!(caller("203.0.113.5", &[]), "203.0.113.5");
        assert_eq!(caller("127.0.0.1", &["203.0.113.5"]), "203.0.113.5");
        assert_eq!(caller("127.0.0.1", &["203.0.113.5, 10.9.1.1"]), "203.0.113.5");
        assert_eq!(caller("127.0.0.1", &["203.0.113.5", "10.9.1.1"]), "203.0.113.5");
        assert_eq!(caller("127.0.0.1", &["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(caller("::ffff:127.0.0.1", &["203.0.113.5:99"]), "203.0.113.5");
    }

    #[test]
    fn what_a_stranger_says_of_others_is_not_believed() {
        assert_eq!(caller("203.0.113.5", &["10.0.0.1"]), "203.0.113.5");
        assert_eq!(
            caller("127.0.0.1", &["1.1.1.1, 203.0.113.5"]),
            "203.0.113.5",
            "the caller wrote the first"
        );
        assert_eq!(
            caller("127.0.0.1", &["1.1.1.1, junk"]),
            "127.0.0.1",
            "nothing behind what makes no sense"
        );
    }

    #[test]
    fn who_comes_from_outside_through_a_proxy_is_not_near() {
        let near = |peer: &str, forwarded: &[&str]| is_near(peer.parse().unwrap(), forwarded.iter().copied());
        assert!(near("127.0.0.1", &[]) && near("192.168.1.9", &["10.0.0.7, fd00::1"]));
        assert!(!near("203.0.113.5", &[]) && !near("203.0.113.5", &["10.0.0.7"]));
        assert!(!near("127.0.0.1", &["203.0.113.5"]) && !near("127.0.0.1", &["10.0.0.7, 203.0.113.5"]));
        assert!(!near("127.0.0.1", &["unknown"]) && !near("127.0.0.1", &[""]));
    }
}
