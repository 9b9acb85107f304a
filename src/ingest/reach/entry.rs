//! One entry of `SOURCE_ALLOW` or `SOURCE_DENY`: how it is written, and what it covers. Pure.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::net::{Network, NetworkError};

/// `target[:port[-port]]`, where the target is `*`, an address, a network or the name of a host, `*` in it for any text.
///
/// An IPv6 address or network with ports stands in brackets: `[fd00::/8]:554`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    target: Target,
    ports: Option<RangeInclusive<u16>>,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Any,
    Network(Network),
    /// In lower case.
    Name(String),
}

/// Why a text is no [`Entry`]: the end of the sentence "this is not …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EntryError(String);

impl EntryError {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl Entry {
    /// Whether it covers this port of whatever it is about.
    pub(super) fn covers_port(&self, port: u16) -> bool {
        self.ports.as_ref().is_none_or(|ports| ports.contains(&port))
    }

    /// Whether it is about a host of this name, in lower case.
    pub(super) fn covers_name(&self, name: &str) -> bool {
        match &self.target {
            Target::Any => true,
            Target::Network(_) => false,
            Target::Name(pattern) => matches(pattern, name),
        }
    }

    /// Whether it is about this address.
    pub(super) fn covers_address(&self, address: IpAddr) -> bool {
        match &self.target {
            Target::Any => true,
            Target::Network(network) => network.contains(address),
            Target::Name(_) => false,
        }
    }

    /// Whether it is about addresses, and so says nothing yet of a name that has not been looked up.
    pub(super) fn is_of_addresses(&self) -> bool {
        matches!(self.target, Target::Network(_))
    }

    /// Whether it means this address rather than happening to cover it: by a network no wider than those of link-local
    /// addresses.
    pub(super) fn means(&self, address: IpAddr) -> bool {
        matches!(self.target, Target::Network(network) if network.contains(address)
            && network.prefix() >= if address.is_ipv4() { 16 } else { 10 })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Entry {
    type Err = EntryError;

    fn from_str(text: &str) -> Result<Self, EntryError> {
        let text = text.trim();
        let (target, ports) = parts(text)?;
        let target = match target {
            "*" => Target::Any,
            target => match network(target)? {
                Some(network) => Target::Network(network),
                None => Target::Name(name(target)?),
            },
        };
        Ok(Self { target, ports: ports.map(port_range).transpose()?, text: text.to_owned() })
    }
}

/// The target, and what stands behind its colon.
fn parts(text: &str) -> Result<(&str, Option<&str>), EntryError> {
    if let Some(rest) = text.strip_prefix('[') {
        let (target, rest) =
            rest.split_once(']').ok_or_else(|| EntryError::new("closed: it begins with [ and has no ]"))?;
        let address = target.split('/').next().unwrap_or_default();
        if address.parse::<Ipv6Addr>().is_err() {
            return Err(EntryError::new("an IPv6 address or network in its brackets"));
        }
        return match rest.strip_prefix(':') {
            Some(ports) => Ok((target, Some(ports))),
            None if rest.is_empty() => Ok((target, None)),
            None => Err(EntryError::new("a port behind its brackets, after a colon")),
        };
    }
    match text.matches(':').count() {
        0 => Ok((text, None)),
        1 => Ok(text.split_once(':').map_or((text, None), |(target, ports)| (target, Some(ports)))),
        // More than one colon: an IPv6 address, which without brackets cannot have a port.
        _ => Ok((text, None)),
    }
}

/// The network that `target` is meant to be, if it is.
fn network(target: &str) -> Result<Option<Network>, EntryError> {
    match target.parse() {
        Ok(network) => Ok(Some(network)),
        Err(NetworkError::Address) => {
            let numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | '*');
            let is_meant = target.contains(['/', ':']) || (!target.is_empty() && target.chars().all(numeric));
            let error = "an IPv4 or IPv6 address, nor a network such as 10.0.0.0/8 or [fd00::/8]:554";
            if is_meant { Err(EntryError::new(error)) } else { Ok(None) }
        }
        Err(error) => Err(EntryError::new(error.to_string())),
    }
}

/// A host's name or a pattern of names, as it is compared.
fn name(target: &str) -> Result<String, EntryError> {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*');
    if target.is_empty() || !target.chars().all(known) {
        return Err(EntryError::new(
            "*, an address, a network or the name of a host, with or without :port or :port-port",
        ));
    }
    Ok(normal(target))
}

/// A host's name as it is compared: DNS knows no case (RFC 4343), and a dot at the end changes nothing here.
pub(super) fn normal(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn port_range(text: &str) -> Result<RangeInclusive<u16>, EntryError> {
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (port(first), port(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        _ => Err(EntryError::new("complete: behind its colon belongs a port, or two with - between")),
    }
}

/// Whether `name` is like `pattern`, in which `*` stands for any text, of no length too.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(name) = name.strip_prefix(head) else { return false };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut name) = name.strip_suffix(tail) else { return false };
    // The first place is as good as any: what follows has more to choose from.
    for piece in middle.split('*') {
        match name.find(piece) {
            Some(at) => name = &name[at + piece.len()..],
            None => return false,
        }
    }
    true
}
