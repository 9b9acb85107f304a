//! What may be connected to: who can start a stream must not be able to reach all that camgate's machine can.
//!
//! [`Rules`] judge, and only compute. [`Reach`] looks a name up once and hands out the addresses that were found good: it
//! is these that are connected to, so that no second answer of DNS comes between. Each attempt to connect asks anew.
//!
//! Not here: who may ask (that is `http`), and connecting.

mod entry;
mod kind;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{IngestError, SourceUrl};
use crate::live::Live;

pub use entry::{Entry, EntryError};
pub use kind::Kind;

/// More addresses of one name are not looked at.
const MOST_ADDRESSES: usize = 8;

/// Which hosts and ports may be connected to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    allow: Vec<Entry>,
    deny: Vec<Entry>,
    /// Ports that camgate itself listens on.
    own_ports: Vec<u16>,
    is_open: bool,
}

/// What was refused, and why. Its text does not tell what a name stands for: who asks may not know that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address} is refused: {}", told(.why, *.by_name))]
pub struct Refusal {
    /// Host and port as the link has them.
    address: String,
    /// Whether it is not the host itself that is refused, but what its name stands for.
    by_name: bool,
    why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    /// An entry of `SOURCE_DENY`.
    Denied,
    /// None of those of `SOURCE_ALLOW`.
    NotAllowed,
    /// camgate itself.
    Own,
    Kind(Kind),
}

fn told(why: &Why, by_name: bool) -> String {
    let subject = if by_name { "its name leads to" } else { "it is" };
    match why {
        Why::Denied if by_name => "what its name leads to is denied (SOURCE_DENY)".to_owned(),
        Why::Denied => "it is denied (SOURCE_DENY)".to_owned(),
        Why::NotAllowed => "it is not among what is allowed (SOURCE_ALLOW)".to_owned(),
        Why::Own => format!("{subject} camgate itself"),
        Why::Kind(kind) if kind.may_be_allowed() => {
            format!("{subject} {kind}, which SOURCE_ALLOW would have to name by its address")
        }
        Why::Kind(kind) => format!("{subject} {kind}"),
    }
}

/// What a link asks for.
struct Asked<'a> {
    source: &'a SourceUrl,
    /// The host, if it is an address.
    literal: Option<IpAddr>,
    /// The host as it is compared.
    name: String,
    port: u16,
}

impl<'a> Asked<'a> {
    fn by(source: &'a SourceUrl) -> Self {
        let host = source.bare_host();
        Self { source, literal: host.parse().ok(), name: entry::normal(host), port: source.port() }
    }

    fn refused(&self, by_name: bool, why: Why) -> Refusal {
        Refusal { address: self.source.address(), by_name, why }
    }
}

impl Rules {
    /// What `allow` and `deny` say. With nothing in `allow`, all is allowed that is not refused.
    pub fn new(allow: Vec<Entry>, deny: Vec<Entry>) -> Self {
        Self { allow, deny, ..Self::default() }
    }

    /// Everything may be connected to: for a person at a terminal, who can do so anyway.
    pub fn open() -> Self {
        Self { is_open: true, ..Self::default() }
    }

    /// The same rules, and this port of this machine is camgate's own.
    #[must_use]
    pub fn listening_on(mut self, port: u16) -> Self {
        self.own_ports.push(port);
        self
    }

    /// Other entries, the same own ports: what a reload of the settings makes of these rules.
    #[must_use]
    pub fn with_entries(&self, allow: Vec<Entry>, deny: Vec<Entry>) -> Self {
        Self { allow, deny, ..self.clone() }
    }

    /// Judges what can be judged of a link before its host is looked up.
    ///
    /// # Errors
    /// Why it may not be connected to, whatever its host's name stands for.
    pub fn judge_link(&self, source: &SourceUrl) -> Result<(), Refusal> {
        let asked = Asked::by(source);
        if let Some(address) = asked.literal {
            return self.judge(&asked, address, is_of_this_machine);
        }
        if self.is_open {
            return Ok(());
        }
        let named = |entry: &&Entry| entry.covers_port(asked.port) && entry.covers_name(&asked.name);
        if self.deny.iter().any(|entry| named(&entry)) {
            return Err(asked.refused(false, Why::Denied));
        }
        let may_be =
            |entry: &Entry| named(&entry) || entry.covers_port(asked.port) && entry.is_of_addresses();
        if !self.allow.is_empty() && !self.allow.iter().any(may_be) {
            return Err(asked.refused(false, Why::NotAllowed));
        }
        Ok(())
    }

    /// Judges one address of what is asked for; `is_here` tells whether an address is one of this machine.
    fn judge(
        &self,
        asked: &Asked<'_>,
        address: IpAddr,
        is_here: impl Fn(IpAddr) -> bool,
    ) -> Result<(), Refusal> {
        if self.is_open {
            return Ok(());
        }
        let is_named = asked.literal.is_none();
        let refused = |why| Err(asked.refused(is_named, why));
        let on_port = |entry: &&Entry| entry.covers_port(asked.port);
        let (allow, deny) = (|| self.allow.iter().filter(on_port), || self.deny.iter().filter(on_port));

        for end in kind::ends(address) {
            if let Some(kind) = Kind::of(end)
                && !(kind.may_be_allowed() && allow().any(|entry| entry.means(end)))
            {
                return refused(Why::Kind(kind));
            }
            if self.own_ports.contains(&asked.port) && is_here(end) {
                return refused(Why::Own);
            }
            if deny().any(|entry| entry.covers_address(end)) {
                return refused(Why::Denied);
            }
        }
        if is_named && deny().any(|entry| entry.covers_name(&asked.name)) {
            return Err(asked.refused(false, Why::Denied));
        }
        // An address in other clothes is allowed as what it is; what only carries one is not.
        let address = address.to_canonical();
        let is_allowed =
            |entry: &Entry| entry.covers_address(address) || is_named && entry.covers_name(&asked.name);
        if !self.allow.is_empty() && !allow().any(is_allowed) {
            return Err(asked.refused(false, Why::NotAllowed));
        }
        Ok(())
    }
}

/// Whether `address` is one of this machine: only such an address can be bound.
fn is_of_this_machine(address: IpAddr) -> bool {
    address.is_loopback() || UdpSocket::bind((address, 0)).is_ok()
}

/// Looks up the addresses of a host's name.
pub type Lookup = dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync;

/// The way from a link to addresses that may be connected to. Clones share the rules.
#[derive(Clone)]
pub struct Reach {
    rules: Arc<Live<Rules>>,
    lookup: Arc<Lookup>,
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reach").field(&self.rules).finish()
    }
}

impl Reach {
    /// By `rules`, as they are at each attempt to connect; names are looked up as the operating system does it.
    pub fn new(rules: Arc<Live<Rules>>) -> Self {
        let lookup = |host: String, port: u16| {
            async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) }.boxed()
        };
        Self { rules, lookup: Arc::new(lookup) }
    }

    /// The same with another way to look names up.
    #[must_use]
    pub fn looking_up_by(self, lookup: Arc<Lookup>) -> Self {
        Self { lookup, ..self }
    }

    /// Everything may be reached.
    pub fn open() -> Self {
        Self::new(Arc::new(Live::new(Rules::open())))
    }

    /// Judges what can be judged of a link at once.
    ///
    /// # Errors
    /// [`IngestError::Refused`].
    pub fn judge_link(&self, source: &SourceUrl) -> Result<(), IngestError> {
        self.rules.get().judge_link(source).map_err(IngestError::Refused)
    }

    /// The addresses of the camera of `source` that may be connected to, in the order in which to try them; at least one.
    ///
    /// # Errors
    /// [`IngestError::Refused`] if there is none that may, [`IngestError::Unreachable`] if its name has none at all.
    pub async fn addresses(&self, source: &SourceUrl) -> Result<Vec<SocketAddr>, IngestError> {
        self.judge_link(source)?;
        let asked = Asked::by(source);
        let found = match asked.literal {
            Some(address) => vec![SocketAddr::new(address, asked.port)],
            None => {
                let looking = (self.lookup)(source.bare_host().to_owned(), asked.port);
                looking.await.map_err(|error| IngestError::Unreachable {
                    address: source.address(),
                    reason: error.to_string(),
                })?
            }
        };
        let rules = self.rules.get();
        let (mut good, mut refusal) = (Vec::new(), None);
        for address in found.into_iter().take(MOST_ADDRESSES) {
            match rules.judge(&asked, address.ip(), is_of_this_machine) {
                Ok(()) if good.contains(&address) => {}
                Ok(()) => good.push(address),
                Err(refused) => {
                    // For the one who runs camgate: who asks is not told the address.
                    tracing::debug!(%source, %address, why = ?refused.why, "an address of a camera is refused");
                    refusal.get_or_insert(refused);
                }
            }
        }
        if !good.is_empty() {
            return Ok(good);
        }
        Err(refusal.map_or_else(
            || IngestError::Unreachable {
                address: source.address(),
                reason: "its name has no address".into(),
            },
            IngestError::Refused,
        ))
    }
}

#[cfg(test)]
mod tests;
