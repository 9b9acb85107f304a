//! How many connections are being set up at once: with one host, and in all.
//!
//! Whoever connects takes a [`Place`] first and gives it back when the camera has answered, or by being dropped.
//! An NVR serves many channels at one address, so places are counted by host, whatever the port.
//!
//! Lanes keep apart those who must not wait for each other: a start, for which someone waits; a camera that is being
//! connected to again; and one that was slow to fail the last time, which is likely to be so again. The slow ones
//! have a share of the places of those that come back, and these a share of their host's: so neither a host that is
//! mute nor a site that is down holds up the others.
//!
//! The host's place comes before one of all: who waits for its host keeps nobody else from connecting. Each
//! queue is first come, first served. A host is known for as long as someone has a place there or waits for one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::lock;

/// Who wants to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// For the first time: someone waits for it.
    Start,
    /// Again.
    Again,
    /// Again, after an attempt that was slow to fail.
    Slow,
}

/// Places at one host: in all, for those that come back, for the slow ones among them.
pub(super) const AT_ONE_HOST: [usize; 3] = [4, 3, 2];

/// Places in all: for starts.
pub(super) const STARTS: usize = 64;

/// Places in all, beside those for starts: for those that come back, and for the slow ones among them.
pub(super) const RECONNECTS: [usize; 2] = [64, 32];

/// Hands out places.
#[derive(Debug)]
pub(super) struct Pacing {
    starts: Arc<Semaphore>,
    reconnects: [Arc<Semaphore>; 2],
    /// By name in lower case; one host under two names counts as two.
    hosts: Mutex<HashMap<String, Arc<Host>>>,
}

/// Places at one host.
#[derive(Debug)]
struct Host([Arc<Semaphore>; 3]);

/// The right to set up a connection.
#[derive(Debug)]
pub(super) struct Place<'a> {
    _places: Vec<OwnedSemaphorePermit>,
    _guest: Guest<'a>,
}

/// Keeps a host known.
#[derive(Debug)]
struct Guest<'a> {
    pacing: &'a Pacing,
    name: String,
    host: Arc<Host>,
}

impl Pacing {
    /// Every place is free.
    pub(super) fn new() -> Self {
        Self {
            starts: Arc::new(Semaphore::new(STARTS)),
            reconnects: RECONNECTS.map(|places| Arc::new(Semaphore::new(places))),
            hosts: Mutex::default(),
        }
    }

    /// Waits for a place. To drop the future is to leave the queue.
    pub(super) async fn place(&self, host: &str, lane: Lane) -> Place<'_> {
        let guest = self.guest(host);
        let [all, again, slow] = &guest.host.0;
        let [reconnects, slow_reconnects] = &self.reconnects;
        // From the narrow to the wide, and always in this order: nobody waits for one who waits for him.
        let queues: &[&Arc<Semaphore>] = match lane {
            Lane::Start => &[all, &self.starts],
            Lane::Again => &[again, all, reconnects],
            Lane::Slow => &[slow, again, all, slow_reconnects, reconnects],
        };
        let mut places = Vec::with_capacity(queues.len());
        for &queue in queues {
            // Semaphores here are never closed; without a permit there is only less pacing.
            places.extend(queue.clone().acquire_owned().await.ok());
        }
        Place { _places: places, _guest: guest }
    }

    fn guest(&self, host: &str) -> Guest<'_> {
        let name = host.to_ascii_lowercase();
        let mut hosts = lock(&self.hosts);
        let host = hosts
            .entry(name.clone())
            .or_insert_with(|| Arc::new(Host(AT_ONE_HOST.map(|places| Arc::new(Semaphore::new(places))))));
        Guest { pacing: self, name, host: host.clone() }
    }

    /// Hosts that are known.
    #[cfg(test)]
    pub(super) fn host_count(&self) -> usize {
        lock(&self.hosts).len()
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        // Guests come and go under this lock: the table's own and this one are the last two.
        let mut hosts = lock(&self.pacing.hosts);
        if Arc::strong_count(&self.host) <= 2 {
            hosts.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    /// What is there at once, without waiting.
    fn now<'a>(pacing: &'a Pacing, host: &str, lane: Lane) -> Option<Place<'a>> {
        pacing.place(host, lane).now_or_never()
    }

    fn as_many_as_fit<'a>(pacing: &'a Pacing, host: &str, lane: Lane) -> Vec<Place<'a>> {
        std::iter::from_fn(|| now(pacing, host, lane)).collect()
    }

    #[test]
    fn a_host_has_four_places_and_its_name_knows_no_case() {
        let pacing = Pacing::new();
        let mut taken = as_many_as_fit(&pacing, "nvr", Lane::Start);
        assert_eq!(taken.len(), 4);
        assert!(now(&pacing, "NVR", Lane::Start).is_none());
        assert!(now(&pacing, "other", Lane::Start).is_some());
        taken.pop();
        assert!(now(&pacing, "nvr", Lane::Start).is_some());
    }

    #[test]
    fn a_start_finds_a_place_at_a_host_whose_cameras_are_all_being_connected_to_again() {
        let pacing = Pacing::new();
        let slow = as_many_as_fit(&pacing, "nvr", Lane::Slow);
        let again = as_many_as_fit(&pacing, "nvr", Lane::Again);
        let starts = as_many_as_fit(&pacing, "nvr", Lane::Start);
        assert_eq!((slow.len(), again.len(), starts.len()), (2, 1, 1));
    }

    #[test]
    fn who_waits_for_a_host_keeps_no_place_of_all() {
        let pacing = Pacing::new();
        let _mute = as_many_as_fit(&pacing, "mute", Lane::Slow);
        // They stand in the queue of their host.
        let mut waiting: Vec<_> = (0..1000).map(|_| Box::pin(pacing.place("mute", Lane::Slow))).collect();
        assert!(waiting.iter_mut().all(|place| place.now_or_never().is_none()));
        let others: Vec<_> = (0..100).filter_map(|n| now(&pacing, &format!("host{n}"), Lane::Slow)).collect();
        assert_eq!(others.len(), RECONNECTS[1] - 2);
    }

    #[test]
    fn a_site_that_is_mute_leaves_half_of_the_places_to_cameras_that_answer() {
        let pacing = Pacing::new();
        let host = |n: usize| format!("host{n}");
        let slow: Vec<_> = (0..1000).map_while(|n| now(&pacing, &host(n), Lane::Slow)).collect();
        let again: Vec<_> = (0..1000).map_while(|n| now(&pacing, &host(n), Lane::Again)).collect();
        let starts: Vec<_> = (0..1000).map_while(|n| now(&pacing, &host(n), Lane::Start)).collect();
        assert_eq!((slow.len(), again.len(), starts.len()), (32, 32, 64));
    }

    #[tokio::test]
    async fn first_come_first_served_and_who_leaves_the_queue_holds_up_nobody() {
        let pacing = Pacing::new();
        let mut taken = as_many_as_fit(&pacing, "nvr", Lane::Start);
        let mut queue: Vec<_> = (0..3).map(|_| Box::pin(pacing.place("nvr", Lane::Start))).collect();
        assert!(queue.iter_mut().all(|place| place.now_or_never().is_none()));
        // The first of them gives up, in the very moment when its turn has come.
        taken.pop();
        drop(queue.remove(0));
        assert!(queue[1].as_mut().now_or_never().is_none(), "it is not the last one's turn");
        let second = queue[0].as_mut().now_or_never();
        assert!(second.is_some());
        taken.pop();
        assert!(queue[1].as_mut().now_or_never().is_some());
    }

    #[test]
    fn a_host_is_forgotten_with_the_last_who_had_to_do_with_it() {
        let pacing = Pacing::new();
        let mut taken = as_many_as_fit(&pacing, "nvr", Lane::Start);
        let mut waiting = Box::pin(pacing.place("nvr", Lane::Again));
        assert!(waiting.as_mut().now_or_never().is_none());
        taken.clear();
        assert_eq!(pacing.host_count(), 1, "someone waits");
        drop(waiting);
        assert_eq!(pacing.host_count(), 0);
        drop(now(&pacing, "nvr", Lane::Slow));
        assert_eq!(pacing.host_count(), 0);
    }
}
