//! The script's faults of connections and of RTSP: what holds now and until when, and the events that end connections.
//!
//! They count from the first PLAY, but for a state that starts at 0: it counts from when the camera got its port, so
//! that it meets the first connection and ends even if nothing has played by then. Faults of the media need none of
//! this: they go by [`Shared::script_time`].

use std::future::pending;

use tokio::time::{Instant, sleep_until};

use super::control::Shared;
use super::{Fault, FaultKind};

impl Shared {
    /// What `pick` finds in a state that holds now, and when that ends if it does.
    pub(super) fn holding<T>(&self, pick: impl Fn(&FaultKind) -> Option<T>) -> Option<(T, Option<Instant>)> {
        self.faults().iter().find_map(|fault| {
            let found = pick(&fault.kind)?;
            let (start, end) = self.span(fault)?;
            let now = Instant::now();
            (start <= now && end.is_none_or(|end| now < end)).then_some((found, end))
        })
    }

    /// Whether this state holds now.
    pub(super) fn holds(&self, kind: &FaultKind) -> bool {
        self.holding(|held| (held == kind).then_some(())).is_some()
    }

    /// Resolves when this state does not hold, or does no longer.
    pub(super) async fn passes(&self, kind: &FaultKind) {
        while let Some(((), end)) = self.holding(|held| (held == kind).then_some(())) {
            match end {
                Some(end) => sleep_until(end).await,
                None => pending().await,
            }
        }
    }

    /// Resolves when this state next begins or ends.
    pub(super) async fn turns(&self, kind: &FaultKind) {
        let now = Instant::now();
        let of_kind = || self.faults().iter().filter(|fault| fault.kind == *kind);
        let spans = of_kind().filter_map(|fault| self.span(fault));
        let next = spans.flat_map(|(start, end)| [Some(start), end]).flatten().filter(|at| *at > now).min();
        let unknown = of_kind().any(|fault| self.span(fault).is_none());
        tokio::select! {
            () = sleep_until(next.unwrap_or(now)), if next.is_some() => {}
            // Now the times of the others are known.
            _ = self.first_play(), if unknown => {}
            else => pending().await,
        }
    }

    /// Closes and resets connections as the script has it. Never resolves.
    pub(super) async fn run_events(&self) {
        let ends = |fault: &&Fault| matches!(fault.kind, FaultKind::Close | FaultKind::Reset);
        let mut events: Vec<&Fault> = self.faults().iter().filter(ends).collect();
        events.sort_by_key(|fault| fault.start);
        for event in events {
            let start = self.first_play().await.checked_add(event.start);
            match start {
                Some(start) => sleep_until(start).await,
                None => pending().await,
            }
            tracing::debug!(at = ?self.script_time(), kind = ?event.kind, "the script ends all connections");
            self.end_connections(event.kind == FaultKind::Reset);
        }
        pending().await
    }

    /// From when to when a state holds; `None` while its time is not known.
    fn span(&self, fault: &Fault) -> Option<(Instant, Option<Instant>)> {
        let zero = if fault.start.is_zero() { self.bound } else { self.played()? };
        let start = zero.checked_add(fault.start)?;
        Some((start, fault.length.and_then(|length| start.checked_add(length))))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::advance;

    use super::super::clip::Clip;
    use super::super::packet::PacketizedClip;
    use super::super::sender::Media;
    use super::super::{Options, ParameterSetPlacement};
    use super::*;

    fn shared(faults: &[&str]) -> Arc<Shared> {
        let clip = PacketizedClip::new(&Clip::switch(), ParameterSetPlacement::Both);
        let faults = faults.iter().map(|fault| fault.parse().unwrap()).collect();
        let media = Media { clip: clip.clone(), other: clip, faults: Vec::new() };
        Arc::new(Shared::new(Options { faults, ..Options::default() }, media))
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_state_counts_from_the_first_play_unless_it_starts_at_once() {
        let shared = shared(&["0+2:status=404", "1+2:refuse"]);
        let status = || {
            let status = shared.holding(|kind| match kind {
                FaultKind::Status(status) => Some(*status),
                _ => None,
            });
            status.map(|(status, _)| status)
        };
        assert_eq!(status(), Some(404));
        advance(3 * SECOND).await;
        assert_eq!(status(), None, "whether anything has played or not");
        assert!(!shared.holds(&FaultKind::Refuse));
        drop(shared.count_playing());
        advance(SECOND).await;
        assert!(shared.holds(&FaultKind::Refuse));
        assert_eq!(status(), None);
        shared.passes(&FaultKind::Refuse).await;
        assert_eq!(shared.script_time(), 3 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_told_at_both_ends_and_when_the_times_become_known() {
        let shared = shared(&["1+2:refuse"]);
        let again = shared.clone();
        let told = tokio::spawn(async move {
            let mut told = Vec::new();
            for _ in 0..3 {
                again.turns(&FaultKind::Refuse).await;
                told.push(again.script_time());
            }
            told
        });
        tokio::task::yield_now().await;
        advance(SECOND).await;
        let _playing = shared.count_playing();
        assert_eq!(told.await.unwrap(), [Duration::ZERO, SECOND, 3 * SECOND]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_ends_the_connections_of_its_time() {
        let shared = shared(&["2:reset", "1:close"]);
        let running = shared.clone();
        let events = tokio::spawn(async move { running.run_events().await });
        let _playing = shared.count_playing();
        for reset in [false, true] {
            let ending = shared.ending();
            let before = shared.script_time();
            ending.token.cancelled().await;
            assert_eq!(shared.script_time() - before, SECOND);
            assert_eq!(ending.is_reset(), reset);
        }
        events.abort();
    }
}
