//! Which cameras get a guard. Pure: an address is judged as the link has it, and no name is looked up.

use crate::ingest::SourceUrl;
use crate::net::is_private;

/// Which cameras are connected to through a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// All but those at a private address.
    Auto,
    /// All.
    On,
    /// None.
    Off,
}

impl Policy {
    /// Whether the camera of `source` gets a guard.
    ///
    /// A host name always does with [`Auto`](Self::Auto): what it stands for may change, and what a camera costs with it.
    pub fn guards(self, source: &SourceUrl) -> bool {
        match self {
            Self::Auto => !source.bare_host().parse().is_ok_and(is_private),
            Self::On => true,
            Self::Off => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_guards_all_but_private_addresses() {
        let guards =
            |host: &str| Policy::Auto.guards(&SourceUrl::parse(&format!("rtsp://{host}/1")).unwrap());
        for own in [
            "127.0.0.1",
            "127.9.9.9:8554",
            "10.0.0.7",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "[::1]:8554",
            "[fd00::1]",
            "[fe80::1]",
            "[::ffff:10.0.0.7]",
        ] {
            assert!(!guards(own), "{own}");
        }
        for other in [
            "8.8.8.8",
            "172.32.0.1",
            "172.15.0.1",
            "192.169.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "11.0.0.1",
            "0.0.0.0",
            "[2001:db8::1]",
            "[::ffff:8.8.8.8]",
            "camera.example",
            "localhost",
            "10.1",
            "0x7f000001",
        ] {
            assert!(guards(other), "{other}");
        }
    }

    #[test]
    fn on_and_off_look_at_no_address() {
        for link in ["rtsp://10.0.0.7/", "rtsp://8.8.8.8/", "rtsp://camera.example/"] {
            let source = SourceUrl::parse(link).unwrap();
            assert!(Policy::On.guards(&source) && !Policy::Off.guards(&source));
        }
    }
}
