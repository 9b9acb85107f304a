//! Addresses that no camera has, or that are not for whoever may start a stream. Pure.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of address is refused without a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 0.0.0.0/8 and `::`, which lead to this machine (RFC 1122 §3.2.1.3, RFC 4291 §2.5.2).
    Unspecified,
    /// RFC 5771, RFC 4291 §2.7.
    Multicast,
    /// RFC 919 §7.
    Broadcast,
    /// RFC 3927, RFC 4291 §2.5.6.
    LinkLocal,
    /// Where a cloud tells its machines their secrets.
    Metadata,
}

impl Kind {
    /// Of `address`, if it is one of them.
    pub(super) fn of(address: IpAddr) -> Option<Self> {
        if METADATA.contains(&address) {
            return Some(Self::Metadata);
        }
        match address {
            IpAddr::V4(v4) if v4.octets()[0] == 0 => Some(Self::Unspecified),
            IpAddr::V4(v4) if v4.is_broadcast() => Some(Self::Broadcast),
            IpAddr::V4(v4) if v4.is_link_local() => Some(Self::LinkLocal),
            IpAddr::V6(v6) if v6.is_unspecified() => Some(Self::Unspecified),
            IpAddr::V6(v6) if v6.is_unicast_link_local() => Some(Self::LinkLocal),
            _ => address.is_multicast().then_some(Self::Multicast),
        }
    }

    /// Whether a rule can allow it all the same.
    pub(super) fn may_be_allowed(self) -> bool {
        matches!(self, Self::LinkLocal | Self::Metadata)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "the unspecified address",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "the broadcast address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "the address of a cloud's metadata service",
        })
    }
}

/// AWS, Google and most others; AWS and Google over IPv6; Azure; Alibaba; Oracle.
const METADATA: [IpAddr; 6] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
];

/// Where a connection to `address` may end: there, and at the IPv4 address that it carries.
pub(super) fn ends(address: IpAddr) -> impl Iterator<Item = IpAddr> {
    let carried = match address {
        IpAddr::V6(v6) => carried(v6).map(IpAddr::V4),
        IpAddr::V4(_) => None,
    };
    [Some(address), carried].into_iter().flatten()
}

/// The IPv4 address within `address`: mapped or compatible (RFC 4291 §2.5.5), translated (RFC 2765 §2.1, RFC 6052 §2.1,
/// RFC 8215), or of a 6to4 site (RFC 3056 §2).
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let (high, low) = match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => return None,
        [0, 0, 0, 0, 0, 0xffff | 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
}
