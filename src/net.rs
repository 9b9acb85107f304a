//! Addresses and networks: what they are called, and whose they are. No socket is opened here.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// All addresses that begin alike: `10.0.0.0/8`, `fd00::/8`, or a single one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    /// With zeros behind the prefix.
    address: IpAddr,
    /// Bits.
    prefix: u8,
}

/// Why a text is no network: the end of the sentence "this is not …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// It begins with no address.
    #[error("an address or a network such as 10.0.0.0/8 or fd00::/8")]
    Address,
    /// More bits than an address has, or no number.
    #[error("a network: behind its / belongs 0 to {0}")]
    Length(u8),
    /// Bits behind the prefix: who writes `10.1.2.3/8` means something else than they wrote.
    #[error("a network: that would be {0}")]
    Within(Network),
}

impl Network {
    /// Whether `address` is in it. An IPv4 address that is written as an IPv6 one (RFC 4291 §2.5.5.2) is that IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => masked_v4(other, self.prefix) == own,
            (IpAddr::V6(own), IpAddr::V6(other)) => masked_v6(other, self.prefix) == own,
            _ => false,
        }
    }

    /// Bits that all its addresses have in common.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// All that begin with the first `prefix` bits of `address`.
    fn around(address: IpAddr, prefix: u8) -> Self {
        let address = match address {
            IpAddr::V4(v4) => IpAddr::V4(masked_v4(v4, prefix)),
            IpAddr::V6(v6) => IpAddr::V6(masked_v6(v6, prefix)),
        };
        Self { address, prefix }
    }
}

fn masked_v4(address: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
    Ipv4Addr::from_bits(address.to_bits() & mask)
}

fn masked_v6(address: Ipv6Addr, prefix: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
    Ipv6Addr::from_bits(address.to_bits() & mask)
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Address)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => most,
            Some(digits) => {
                let prefix =
                    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
                prefix.filter(|prefix| *prefix <= most).ok_or(NetworkError::Length(most))?
            }
        };
        let network = Self::around(address, prefix);
        if network.address == address { Ok(network) } else { Err(NetworkError::Within(network)) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Whether `address` is on this machine or on a network that is one's own: loopback, RFC 1918, RFC 4193, link-local
/// (RFC 3927, RFC 4291 §2.5.6), and shared between a provider and its customers (RFC 6598).
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let is_shared = first == 100 && second & 0b1100_0000 == 64;
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || is_shared
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// What limits by address count as one: an IPv4 address, or the network of a site, whose IPv6 addresses are without number
/// (RFC 6177 §2).
pub fn site(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        v6 @ IpAddr::V6(_) => Network::around(v6, 64).address,
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        network.parse::<Network>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_holds_the_addresses_that_begin_as_it_does() {
        for (network, address) in [
            ("10.0.0.0/8", "10.255.1.2"),
            ("192.168.4.0/22", "192.168.7.255"),
            ("10.0.0.7", "10.0.0.7"),
            ("0.0.0.0/0", "8.8.8.8"),
            ("::/0", "2001:db8::1"),
            ("fd00::/8", "fdff::1"),
            ("10.0.0.0/8", "::ffff:10.1.2.3"),
        ] {
            assert!(contains(network, address), "{network} {address}");
        }
        for (network, address) in [
            ("10.0.0.0/8", "11.0.0.0"),
            ("192.168.4.0/22", "192.168.8.0"),
            ("10.0.0.7", "10.0.0.8"),
            ("::/0", "8.8.8.8"),
            ("fd00::/8", "fe00::1"),
        ] {
            assert!(!contains(network, address), "{network} {address}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "10",
            "10.0.0.0/33",
            "::/129",
            "10.1.2.3/8",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "a/8",
            "10.0.0.0/",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
