//! Threads with a runtime of their own, and who runs on which: no task moves from its thread, and none wakes another thread to
//! help.
//!
//! A thread is filled before the next one begins. Whoever shares one is woken together, and what is in its caches serves all.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Runs what is spawned on it until it is dropped; what still runs then is dropped as well.
#[derive(Debug)]
pub struct Thread {
    runtime: Handle,
    _stop: DropGuard,
}

impl Thread {
    /// Begins one. `on_park` is called before each wait for events.
    ///
    /// # Errors
    /// When there is no thread or no file for it.
    pub fn begin(name: &str, on_park: impl Fn() + Send + Sync + 'static) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().on_thread_park(on_park).build()?;
        let (handle, stop) = (runtime.handle().clone(), CancellationToken::new());
        let stopped = stop.clone();
        std::thread::Builder::new()
            .name(name.into())
            .spawn(move || runtime.block_on(stopped.cancelled_owned()))?;
        Ok(Self { runtime: handle, _stop: stop.drop_guard() })
    }
}

/// As many threads as are needed, one a processor at most.
#[derive(Debug)]
pub struct Pool<X> {
    most: usize,
    many: usize,
    begin: fn(Arc<AtomicUsize>) -> io::Result<(Thread, X)>,
    running: Mutex<Vec<Member<X>>>,
}

#[derive(Debug)]
struct Member<X> {
    thread: Thread,
    load: Arc<AtomicUsize>,
    with: X,
}

/// A place on a thread, given back when dropped.
#[derive(Debug)]
pub struct Place<X> {
    /// What to run there with.
    pub runtime: Handle,
    /// What belongs to that thread; nothing where it is that of whoever asked.
    pub with: Option<X>,
    load: Option<Arc<AtomicUsize>>,
}

impl<X> Drop for Place<X> {
    fn drop(&mut self) {
        if let Some(load) = &self.load {
            load.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl<X: Clone> Pool<X> {
    /// A thread has room for `many`; beyond, all have alike many. `begin` is told the number of those that have a place on it.
    pub fn new(many: usize, begin: fn(Arc<AtomicUsize>) -> io::Result<(Thread, X)>) -> Self {
        let most = std::thread::available_parallelism().map_or(1, usize::from);
        Self { most, many, begin, running: Mutex::default() }
    }

    /// No threads: everything runs where it is started.
    pub fn without_threads(begin: fn(Arc<AtomicUsize>) -> io::Result<(Thread, X)>) -> Self {
        Self { most: 0, many: 0, begin, running: Mutex::default() }
    }

    /// A place for one more; where there is no thread, on the runtime of whoever asks.
    pub fn place(&self) -> Place<X> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = |member: &Member<X>| member.load.load(Ordering::Relaxed) < self.many;
        if running.len() < self.most && !running.iter().any(has_room) {
            let load = Arc::<AtomicUsize>::default();
            match (self.begin)(load.clone()) {
                Ok((thread, with)) => running.push(Member { thread, load, with }),
                Err(error) => tracing::warn!(%error, "no further thread"),
            }
        }
        let fewest = || running.iter().min_by_key(|member| member.load.load(Ordering::Relaxed));
        match running.iter().find(|member| has_room(member)).or_else(fewest) {
            Some(Member { thread, load, with }) => {
                load.fetch_add(1, Ordering::Relaxed);
                Place { runtime: thread.runtime.clone(), with: Some(with.clone()), load: Some(load.clone()) }
            }
            None => Place { runtime: Handle::current(), with: None, load: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: usize = 3;

    fn begin(_load: Arc<AtomicUsize>) -> io::Result<(Thread, ())> {
        Ok((Thread::begin("test", || {})?, ()))
    }

    fn pool(most: usize) -> Pool<()> {
        Pool { most, ..Pool::new(MANY, begin) }
    }

    fn loads(pool: &Pool<()>) -> Vec<usize> {
        pool.running.lock().unwrap().iter().map(|member| member.load.load(Ordering::Relaxed)).collect()
    }

    #[test]
    fn a_thread_is_filled_before_the_next_one_begins_and_all_are_alike_beyond() {
        let pool = pool(2);
        let mut places: Vec<_> = (0..MANY).map(|_| pool.place()).collect();
        assert_eq!(loads(&pool), [MANY]);
        places.push(pool.place());
        assert_eq!(loads(&pool), [MANY, 1]);
        places.extend((0..MANY + 1).map(|_| pool.place()));
        assert_eq!(loads(&pool), [MANY + 1, MANY + 1]);
    }

    #[test]
    fn who_ends_makes_room() {
        let pool = pool(2);
        let mut places: Vec<_> = (0..MANY + 1).map(|_| pool.place()).collect();
        drop(places.swap_remove(0));
        places.push(pool.place());
        assert_eq!(loads(&pool), [MANY, 1]);
    }

    #[tokio::test]
    async fn without_threads_everything_runs_where_it_is_started() {
        let place = Pool::without_threads(begin).place();
        assert_eq!(place.runtime.id(), Handle::current().id());
    }

    #[tokio::test]
    async fn what_runs_on_a_thread_ends_with_it() {
        let pool = pool(1);
        let endless = pool.place().runtime.spawn(std::future::pending::<()>());
        drop(pool);
        assert!(endless.await.is_err_and(|error| error.is_cancelled()));
    }
}
