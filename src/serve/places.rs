//! Places for connections: how many there are, whose, and who gives way. Book-keeping alone.
//!
//! A connection that has asked for nothing yet costs its owner nothing, so thousands of them are how a server is kept busy with
//! no one ("slow loris"). They may have a quarter of all places; one more, and the one that has waited longest goes.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::net::site;

/// The places of one server.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    taken: usize,
    by_site: HashMap<IpAddr, usize>,
    /// Those that have asked for nothing yet, in the order in which they came.
    waiting: BTreeMap<u64, CancellationToken>,
    next: u64,
}

/// How many there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    /// In all.
    pub(super) all: usize,
    /// For the address that asks; none for a proxy's, which asks for many.
    pub(super) of_address: Option<usize>,
}

/// There is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// In all.
    All,
    /// For that address.
    Address,
}

/// A connection's place, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    site: IpAddr,
    number: u64,
    /// Cancelled when it has to give way to others.
    pub(super) gives_way: CancellationToken,
}

impl Places {
    /// A place for a connection from `address`.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr, most: Most) -> Result<Place, Full> {
        let site = site(address);
        let mut book = self.book();
        let of_site = book.by_site.get(&site).copied().unwrap_or_default();
        if most.of_address.is_some_and(|most| of_site >= most) {
            return Err(Full::Address);
        }
        // Those that give way are counted until they have ended, and in a burst some ask before that.
        let beyond = most.all + most.all / 4;
        if book.taken >= beyond || (book.taken >= most.all && book.waiting.is_empty()) {
            return Err(Full::All);
        }
        if book.taken >= most.all || book.waiting.len() >= most.all / 4 {
            // It is counted until its task has ended, which is now.
            if let Some((_, longest)) = book.waiting.pop_first() {
                longest.cancel();
            }
        }
        let (number, gives_way) = (book.next, CancellationToken::new());
        book.next += 1;
        book.taken += 1;
        *book.by_site.entry(site).or_default() += 1;
        book.waiting.insert(number, gives_way.clone());
        Ok(Place { places: self.clone(), site, number, gives_way })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// It has asked for something: it gives way to nobody.
    pub(super) fn has_asked(&self) {
        self.places.book().waiting.remove(&self.number);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut book = self.places.book();
        book.taken -= 1;
        book.waiting.remove(&self.number);
        if let Some(of_site) = book.by_site.get_mut(&self.site) {
            *of_site -= 1;
            if *of_site == 0 {
                book.by_site.remove(&self.site);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Most = Most { all: 8, of_address: None };

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn those_that_wait_longest_with_their_first_request_give_way() {
        let places = Arc::new(Places::default());
        let waiting: Vec<_> = (0..3).map(|_| places.take(address(1), MOST).unwrap()).collect();
        let gone: Vec<_> = waiting.iter().map(|place| place.gives_way.is_cancelled()).collect();
        assert_eq!(gone, [true, false, false], "a quarter of eight may wait");
    }

    #[test]
    fn who_has_asked_keeps_the_place_and_is_refused_none_that_is_free() {
        let places = Arc::new(Places::default());
        let asked: Vec<_> =
            (0..8).map(|_| places.take(address(1), MOST).unwrap()).inspect(Place::has_asked).collect();
        assert_eq!(places.take(address(2), MOST).err(), Some(Full::All));
        drop(asked);
        let late = places.take(address(2), MOST).unwrap();
        assert!(!late.gives_way.is_cancelled());
    }

    #[test]
    fn a_burst_is_bounded_while_those_that_give_way_have_not_ended() {
        let places = Arc::new(Places::default());
        let burst: Vec<_> = (0..100).filter_map(|_| places.take(address(1), MOST).ok()).collect();
        assert_eq!(burst.len(), 10, "eight, and a quarter");
    }

    #[test]
    fn one_address_has_its_share_and_a_proxy_as_many_as_there_are() {
        let places = Arc::new(Places::default());
        let most = Most { of_address: Some(1), ..MOST };
        let first = places.take(address(1), most).unwrap();
        assert_eq!(places.take(address(1), most).err(), Some(Full::Address));
        assert!(places.take(address(2), most).is_ok() && places.take(address(1), MOST).is_ok());
        drop(first);
        assert!(places.take(address(1), most).is_ok());
        assert!(
            places.book().by_site.is_empty() && places.book().waiting.is_empty(),
            "nothing is left behind"
        );
    }
}
