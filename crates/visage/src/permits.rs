//! Bounds the work on pixels: how much memory it may use together, how many pieces run, how many may wait.
//!
//! Work that anybody can ask for has a share of it all. It waits within its share first, so that however much of it there is,
//! signed calls, members' uploads and eager images find room.

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
    all: Lane,
    /// What strangers may have of it.
    strangers: Lane,
}

/// For whom a piece of work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Requester {
    /// A member, or the holder of an API key.
    Known,
    /// Anybody.
    Stranger,
}

/// Permission to work, until it is dropped.
#[derive(Debug)]
pub struct Permit {
    _held: Vec<OwnedSemaphorePermit>,
}

#[derive(Debug)]
struct Lane {
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
        Self {
            all: Lane::new(memory_bytes, threads, max_waiting),
            strangers: Lane::new(memory_bytes, threads, max_waiting),
        }
    }

    /// As [`Self::new`], where strangers may have half of the memory and of the queue. They have all `threads`; half as many
    /// again are for others.
    pub fn shared_with_strangers(memory_bytes: u64, threads: usize, max_waiting: usize) -> Self {
        let for_others = threads.max(1).div_ceil(2);
        Self {
            all: Lane::new(memory_bytes, threads.max(1) + for_others, max_waiting),
            strangers: Lane::new(memory_bytes / 2, threads, max_waiting.div_ceil(2)),
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
        self.run_for(Requester::Known, memory_bytes, timeout, work).await
    }

    /// As [`Self::run`], within the share of the one that it is done for.
    ///
    /// # Errors
    /// As [`Self::run`]
    pub async fn run_for<T: Send + 'static>(
        &self,
        requester: Requester,
        memory_bytes: u64,
        timeout: Duration,
        work: impl FnOnce(&dyn Fn() -> bool) -> T + Send + 'static,
    ) -> Result<T, WorkError> {
        let permit = self.acquire(requester, memory_bytes).await?;
        let job = tokio::task::spawn_blocking(move || {
            let deadline = Instant::now() + timeout;
            let result = work(&|| Instant::now() > deadline);
            drop(permit);
            result
        });
        job.await.map_err(|_cancelled_or_panicked| WorkError::Panicked)
    }

    async fn acquire(&self, requester: Requester, memory_bytes: u64) -> Result<Permit, WorkError> {
        let permits = async {
            let mut held = match requester {
                Requester::Known => Vec::new(),
                // Who waits here holds nothing of what is for all.
                Requester::Stranger => self.strangers.acquire(memory_bytes).await?.into(),
            };
            held.extend(self.all.acquire(memory_bytes).await?);
            Ok(Permit { _held: held })
        };
        let in_time = tokio::time::timeout(MAX_WAIT, permits).await;
        in_time.unwrap_or(Err(WorkError::Overloaded))
    }

    /// Sets `memory_bytes` of the strangers' share aside until the answer is dropped, when they are free now.
    ///
    /// # Errors
    /// [`WorkError::Overloaded`]
    pub fn hold(&self, memory_bytes: u64) -> Result<Permit, WorkError> {
        let held = vec![self.strangers.hold(memory_bytes)?, self.all.hold(memory_bytes)?];
        Ok(Permit { _held: held })
    }
}

impl Lane {
    fn new(memory_bytes: u64, threads: usize, max_waiting: usize) -> Self {
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

    /// Memory first, then a thread: work that holds a thread waits for nothing of this lane.
    async fn acquire(&self, memory_bytes: u64) -> Result<[OwnedSemaphorePermit; 2], WorkError> {
        let _place = self.take_place()?;
        let closed = |_never| WorkError::Overloaded;
        let memory = Arc::clone(&self.memory_mib).acquire_many_owned(self.mebibytes(memory_bytes));
        let memory = memory.await.map_err(closed)?;
        let thread = Arc::clone(&self.threads).acquire_owned().await.map_err(closed)?;
        Ok([memory, thread])
    }

    fn hold(&self, memory_bytes: u64) -> Result<OwnedSemaphorePermit, WorkError> {
        Arc::clone(&self.memory_mib)
            .try_acquire_many_owned(self.mebibytes(memory_bytes))
            .map_err(|_full| WorkError::Overloaded)
    }

    /// What is larger than all there is gets all there is.
    fn mebibytes(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(MIB))
            .unwrap_or(u32::MAX)
            .clamp(1, self.total_mib)
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
        assert_eq!(permits.all.memory_mib.available_permits(), 4);
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
        let _held = permits.acquire(Requester::Known, 1).await.unwrap();
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
        let held = permits.acquire(Requester::Known, u64::MAX).await.unwrap();
        let begun = std::sync::Mutex::new(Vec::new());
        let work = |number: u64| {
            let (permits, begun) = (&permits, &begun);
            async move {
                let permit = permits.acquire(Requester::Known, (number * 5 % 9) * MIB).await;
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
        let held = permits.acquire(Requester::Known, 1).await.unwrap();
        let waiting = tokio::spawn({
            let permits = Arc::clone(&permits);
            async move { permits.acquire(Requester::Known, 1).await.is_ok() }
        });
        while permits.all.waiting.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        waiting.abort();
        assert!(waiting.await.is_err());
        drop(held);
        assert!(permits.acquire(Requester::Known, 1).await.is_ok());
    }

    #[tokio::test]
    async fn strangers_leave_memory_threads_and_queue_to_others() {
        let permits = Arc::new(Permits::shared_with_strangers(8 * MIB, 2, 4));
        let mut at_work = Vec::new();
        for _ in 0..2 {
            at_work.push(permits.acquire(Requester::Stranger, 1).await.unwrap());
        }
        let third = permits.acquire(Requester::Stranger, 1);
        let mut third = std::pin::pin!(third);
        assert!(futures_util::poll!(&mut third).is_pending(), "they have two threads");
        let fourth = permits.acquire(Requester::Stranger, 1);
        let mut fourth = std::pin::pin!(fourth);
        assert!(futures_util::poll!(&mut fourth).is_pending());
        let fifth = permits.acquire(Requester::Stranger, 1).await;
        assert_eq!(fifth.unwrap_err(), WorkError::Overloaded, "two may wait");
        assert_eq!(
            permits.run(4 * MIB, LONG, |_| 1).await,
            Ok(1),
            "who is known waits for none"
        );
    }

    #[tokio::test]
    async fn answers_that_wait_for_readers_leave_memory_to_others() {
        let permits = Permits::shared_with_strangers(8 * MIB, 1, 8);
        let _unread = permits.hold(4 * MIB).unwrap();
        assert_eq!(permits.hold(1).unwrap_err(), WorkError::Overloaded);
        assert_eq!(permits.run(4 * MIB, LONG, |_| 1).await, Ok(1));
    }
}
