//! Requests of clients: how many, how they were answered, and with how many bytes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

/// What requests are told apart by. Routes are those of the router, never a path that a client made up.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Series<R> {
    /// `GET`, `HEAD`, `POST`, `OPTIONS`, or `other`.
    pub method: &'static str,
    /// The route as the router has it, `/streams/{id}/media.m3u8` say; `none` where there is none.
    pub route: R,
    /// The status of the answer.
    pub status: u16,
}

#[derive(Debug, Default)]
struct Count {
    answers: AtomicU64,
    bytes: AtomicU64,
}

/// By method and status, then by route, which can be looked up as it is. There are few: a look at some is less than a hash of one.
type Counts = BTreeMap<(u16, &'static str), BTreeMap<Box<str>, Count>>;

/// Counts of requests. To count one costs a shared lock and two atomics.
#[derive(Debug, Default)]
pub struct Requests(RwLock<Counts>);

impl Requests {
    /// A request was answered with a body of so many bytes.
    pub fn count(&self, series: Series<&str>, bytes: u64) {
        let Series { method, route, status } = series;
        let key = (status, method);
        {
            let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(count) = all.get(&key).and_then(|routes| routes.get(route)) {
                return count.add(bytes);
            }
        }
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(key).or_default().entry(route.into()).or_default().add(bytes);
    }

    /// All counts in order: requests and bytes.
    pub fn all(&self) -> Vec<(Series<String>, u64, u64)> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let told = all.iter().flat_map(|(&(status, method), routes)| {
            routes.iter().map(move |(route, count)| {
                let series = Series { method, route: route.to_string(), status };
                (series, count.answers.load(Ordering::Relaxed), count.bytes.load(Ordering::Relaxed))
            })
        });
        let mut told: Vec<_> = told.collect();
        told.sort();
        told
    }
}

impl Count {
    fn add(&self, bytes: u64) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart_by_method_route_and_status() {
        let requests = Requests::default();
        let series = |method, route, status| Series { method, route, status };
        requests.count(series("GET", "/b", 200), 10);
        requests.count(series("GET", "/a", 200), 1);
        requests.count(series("GET", "/b", 200), 5);
        requests.count(series("GET", "/b", 404), 2);
        let told: Vec<_> = requests
            .all()
            .into_iter()
            .map(|(series, answers, bytes)| (series.route, series.status, answers, bytes))
            .collect();
        let expected = [("/a", 200, 1, 1), ("/b", 200, 2, 15), ("/b", 404, 1, 2)];
        assert_eq!(told, expected.map(|(route, status, n, bytes)| (route.to_owned(), status, n, bytes)));
    }
}
