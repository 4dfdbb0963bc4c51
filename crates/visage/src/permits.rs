//! Bounds the work on pixels: how much memory it may use together, how many pieces run, how many may wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const MIB: u64 = 1024 * 1024;

/// Whoever has waited this long is told that the server is busy: an answer now is better than a picture too late.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Hands out permission to work on a picture, in order of arrival.
#[derive(Debug)]
pub struct Permits {
    memory_mib: Arc<Semaphore>,
    threads: Arc<Semaphore>,
    total_mib: u32,
    waiting: AtomicUsize,
    max_waiting: usize,
}

/// Why a piece of work gave no result of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WorkError {
    /// Too much is waiting already, or this has waited too long; nothing was begun.
    #[error("too many pictures are being worked on")]
    Overloaded,
    /// The work panicked; only this piece of work is lost.
    #[error("the work on this picture failed")]
    Panicked,
}

impl Permits {
    /// Room for `memory_bytes` of pictures, `threads` at work and `max_waiting` in the queue.
    pub fn new(memory_bytes: u64, threads: usize, max_waiting: usize) -> Self {
        let total_mib = u32::try_from((memory_bytes / MIB).max(1))
            .unwrap_or(u32::MAX / 2)
            .min(u32::MAX / 2);
        Self {
            memory_mib: Arc::new(Semaphore::new(total_mib as usize)),
            threads: Arc::new(Semaphore::new(threads.max(1))),
            total_mib,
            waiting: AtomicUsize::new(0),
            max_waiting,
        }
    }

    /// Runs `work` on a blocking thread once `memory_bytes` and a thread are free. `work` is given a function that says
    /// whether `timeout` has passed since it began.
    ///
    /// # Errors
    /// [`WorkError::Overloaded`] at once when the queue is full, or after ten seconds in it; [`WorkError::Panicked`] when
    /// `work` panics.
    pub async fn run<T: Send + 'static>(
        &self,
        memory_bytes: u64,
        timeout: Duration,
        work: impl FnOnce(&dyn Fn() -> bool) -> T + Send + 'static,
    ) -> Result<T, WorkError> {
        let permit = self.acquire(memory_bytes).await?;
        let job = tokio::task::spawn_blocking(move || {
            let deadline = Instant::now() + timeout;
            let result = work(&|| Instant::now() > deadline);
            drop(permit);
            result
        });
        job.await.map_err(|_cancelled_or_panicked| WorkError::Panicked)
    }

    /// Memory first, then a thread: whoever holds a thread never waits for anything.
    async fn acquire(&self, memory_bytes: u64) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit), WorkError> {
        let mib = u32::try_from(memory_bytes.div_ceil(MIB))
            .unwrap_or(u32::MAX)
            .clamp(1, self.total_mib);
        let _place = self.take_place()?;
        let both = async {
            let memory = Arc::clone(&self.memory_mib).acquire_many_owned(mib).await.ok()?;
            let thread = Arc::clone(&self.threads).acquire_owned().await.ok()?;
            Some((memory, thread))
        };
        let in_time = tokio::time::timeout(MAX_WAIT, both).await;
        in_time.ok().flatten().ok_or(WorkError::Overloaded)
    }

    /// Sets `memory_bytes` aside until the answer is dropped, when they are free now.
    ///
    /// # Errors
    /// [`WorkError::Overloaded`]
    pub fn hold(&self, memory_bytes: u64) -> Result<OwnedSemaphorePermit, WorkError> {
        let mib = u32::try_from(memory_bytes.div_ceil(MIB))
            .unwrap_or(u32::MAX)
            .clamp(1, self.total_mib);
        Arc::clone(&self.memory_mib)
            .try_acquire_many_owned(mib)
            .map_err(|_full| WorkError::Overloaded)
    }

    fn take_place(&self) -> Result<Place<'_>, WorkError> {
        let place = Place(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.max_waiting {
            return Err(WorkError::Overloaded);
        }
        Ok(place)
    }
}

/// A place in the queue; given up when dropped, also by a client that went away.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_full_queue_is_answered_at_once() {
        let permits = Permits::new(MIB, 1, 0);
        assert_eq!(permits.run(1, LONG, |_| ()).await, Err(WorkError::Overloaded));
        let permits = Permits::new(MIB, 1, 1);
        assert_eq!(permits.run(1, LONG, |_| ()).await, Ok(()));
    }

    #[tokio::test]
    async fn work_larger_than_all_memory_runs_alone() {
        let permits = Permits::new(4 * MIB, 2, 8);
        assert_eq!(permits.run(u64::MAX, LONG, |_| 1).await, Ok(1));
        assert_eq!(permits.memory_mib.available_permits(), 4);
    }

    #[tokio::test]
    async fn a_panic_ends_at_the_edge_of_its_thread_and_gives_its_permits_back() {
        let permits = Permits::new(MIB, 1, 8);
        let result = permits.run(1, LONG, |_| panic!("a codec")).await;
        assert_eq!(result, Err(WorkError::Panicked));
        assert_eq!(permits.run(1, LONG, |_| 2).await, Ok(2));
    }

    #[tokio::test]
    async fn the_deadline_is_told_to_the_work() {
        let permits = Permits::new(MIB, 1, 8);
        assert_eq!(
            permits
                .run(1, Duration::ZERO, |expired| {
                    while !expired() {}
                    true
                })
                .await,
            Ok(true)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_waited_long_enough_is_told_so() {
        let permits = Permits::new(MIB, 1, 8);
        let _held = permits.acquire(1).await.unwrap();
        assert_eq!(permits.run(1, LONG, |_| ()).await, Err(WorkError::Overloaded));
    }

    #[tokio::test]
    async fn memory_that_is_held_is_free_again_when_it_is_dropped() {
        let permits = Permits::new(4 * MIB, 1, 8);
        let held = permits.hold(3 * MIB).unwrap();
        assert_eq!(permits.hold(2 * MIB).unwrap_err(), WorkError::Overloaded);
        drop(held);
        assert!(permits.hold(4 * MIB).is_ok());
    }

    #[tokio::test]
    async fn work_begins_in_order_of_arrival_whatever_its_size() {
        let permits = Permits::new(8 * MIB, 1, 64);
        let held = permits.acquire(u64::MAX).await.unwrap();
        let begun = std::sync::Mutex::new(Vec::new());
        let work = |number: u64| {
            let (permits, begun) = (&permits, &begun);
            async move {
                let permit = permits.acquire((number * 5 % 9) * MIB).await;
                begun.lock().unwrap().push(number);
                // Whoever waits behind comes in only when this is gone.
                tokio::task::yield_now().await;
                drop(permit.unwrap());
            }
        };
        let all = futures_util::future::join_all((0..64).map(work));
        let free = async { drop(held) };
        // The first poll makes all 64 wait, in this order.
        tokio::join!(all, free);
        assert!(begun.lock().unwrap().is_sorted(), "{begun:?}");
    }

    #[tokio::test]
    async fn whoever_stops_waiting_gives_the_place_up() {
        let permits = Arc::new(Permits::new(MIB, 1, 1));
        let held = permits.acquire(1).await.unwrap();
        let waiting = tokio::spawn({
            let permits = Arc::clone(&permits);
            async move { permits.acquire(1).await.is_ok() }
        });
        while permits.waiting.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        waiting.abort();
        assert!(waiting.await.is_err());
        drop(held);
        assert!(permits.acquire(1).await.is_ok());
    }
}
