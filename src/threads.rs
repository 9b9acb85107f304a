//! Threads with a runtime of their own, and who runs on which: no task moves from its thread, and none wakes another thread to
//! help.
//!
//! A thread is filled before the next one begins. Whoever shares one is woken together, and what is in its caches serves all.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

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
        let (stop, (told, begun)) = (CancellationToken::new(), mpsc::sync_channel(1));
        let stopped = stop.clone();
        // Made where it runs: a runtime may not be dropped on another, which is where this may be called.
        let run = move || {
            let runtime = Builder::new_current_thread().enable_all().on_thread_park(on_park).build();
            let handle = runtime.as_ref().map(|runtime| runtime.handle().clone());
            // Whoever began it waits for that.
            let _ = told.send(handle.map_err(|error| io::Error::new(error.kind(), error.to_string())));
            if let Ok(runtime) = runtime {
                runtime.block_on(stopped.cancelled_owned());
            }
        };
        std::thread::Builder::new().name(name.into()).spawn(run)?;
        let runtime = begun.recv().map_err(io::Error::other)??;
        Ok(Self { runtime, _stop: stop.drop_guard() })
    }
}

/// Begins a thread, with what belongs to it; it is told the number of those that have a seat there.
pub type Begin<X> = fn(Arc<AtomicUsize>) -> io::Result<(Thread, X)>;

/// As many threads as are needed, one a processor at most.
#[derive(Debug)]
pub struct Pool<X> {
    /// None: everything runs where it is started.
    begin: Option<Begin<X>>,
    running: Mutex<Running<X>>,
}

#[derive(Debug)]
struct Running<X> {
    most: usize,
    threads: Vec<Member<X>>,
}

#[derive(Debug)]
struct Member<X> {
    thread: Thread,
    load: Arc<AtomicUsize>,
    with: X,
}

/// A seat on a thread, given back when dropped.
#[derive(Debug)]
pub struct Seat<X> {
    /// What to run there with.
    pub runtime: Handle,
    /// What belongs to that thread; nothing where it is that of whoever asked.
    pub with: Option<X>,
    load: Option<Arc<AtomicUsize>>,
}

impl<X> Drop for Seat<X> {
    fn drop(&mut self) {
        if let Some(load) = &self.load {
            load.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl<X: Clone> Pool<X> {
    /// Threads that `begin` makes.
    pub fn new(begin: Begin<X>) -> Self {
        Self { begin: Some(begin), ..Self::without_threads() }
    }

    /// No threads: everything runs where it is started.
    pub fn without_threads() -> Self {
        let most = std::thread::available_parallelism().map_or(1, usize::from);
        Self { begin: None, running: Mutex::new(Running { most, threads: Vec::new() }) }
    }

    /// A seat for one more. A thread has room for `many`; where none has, the next one begins, and where there can be no more,
    /// it is the one with the fewest. Without threads it is the runtime of whoever asks.
    pub fn seat(&self, many: usize) -> Seat<X> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Running { most, threads } = &mut *running;
        let has_room = |member: &Member<X>| member.load.load(Ordering::Relaxed) < many;
        if let Some(begin) = self.begin.filter(|_| threads.len() < *most && !threads.iter().any(has_room)) {
            let load = Arc::<AtomicUsize>::default();
            match begin(load.clone()) {
                Ok((thread, with)) => threads.push(Member { thread, load, with }),
                Err(error) => {
                    tracing::warn!(%error, threads = threads.len(), "no further thread: those that there are have to do");
                    // It is not tried, and told, for each one that comes.
                    *most = threads.len().max(1);
                }
            }
        }
        let fewest = || threads.iter().min_by_key(|member| member.load.load(Ordering::Relaxed));
        match threads.iter().find(|member| has_room(member)).or_else(fewest) {
            Some(Member { thread, load, with }) => {
                load.fetch_add(1, Ordering::Relaxed);
                Seat { runtime: thread.runtime.clone(), with: Some(with.clone()), load: Some(load.clone()) }
            }
            None => Seat { runtime: Handle::current(), with: None, load: None },
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

    fn pool(begin: Begin<()>) -> Pool<()> {
        let pool = Pool::new(begin);
        pool.running.lock().unwrap().most = 2;
        pool
    }

    fn loads(pool: &Pool<()>) -> Vec<usize> {
        let running = pool.running.lock().unwrap();
        running.threads.iter().map(|member| member.load.load(Ordering::Relaxed)).collect()
    }

    #[test]
    fn a_thread_is_filled_before_the_next_one_begins_and_all_are_alike_beyond() {
        let pool = pool(begin);
        let mut seats: Vec<_> = (0..MANY).map(|_| pool.seat(MANY)).collect();
        assert_eq!(loads(&pool), [MANY]);
        seats.push(pool.seat(MANY));
        assert_eq!(loads(&pool), [MANY, 1]);
        seats.extend((0..MANY + 1).map(|_| pool.seat(MANY)));
        assert_eq!(loads(&pool), [MANY + 1, MANY + 1]);
    }

    #[test]
    fn who_asks_for_a_thread_with_room_for_none_is_where_there_are_the_fewest() {
        let pool = pool(begin);
        let _seats: Vec<_> = (0..4).map(|_| pool.seat(0)).collect();
        assert_eq!(loads(&pool), [2, 2]);
    }

    #[test]
    fn who_ends_makes_room() {
        let pool = pool(begin);
        let mut seats: Vec<_> = (0..MANY + 1).map(|_| pool.seat(MANY)).collect();
        drop(seats.swap_remove(0));
        seats.push(pool.seat(MANY));
        assert_eq!(loads(&pool), [MANY, 1]);
    }

    #[tokio::test]
    async fn without_threads_everything_runs_where_it_is_started() {
        fn fails(_load: Arc<AtomicUsize>) -> io::Result<(Thread, ())> {
            Err(io::Error::other("no thread"))
        }
        for pool in [Pool::without_threads(), pool(fails)] {
            assert_eq!(pool.seat(MANY).runtime.id(), Handle::current().id());
        }
    }

    #[tokio::test]
    async fn what_runs_on_a_thread_ends_with_it() {
        let pool = pool(begin);
        let endless = pool.seat(MANY).runtime.spawn(std::future::pending::<()>());
        drop(pool);
        assert!(endless.await.is_err_and(|error| error.is_cancelled()));
    }
}
