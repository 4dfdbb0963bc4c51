//! Work that several ask for at once is done once.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// Flights under way, one per key.
pub struct SingleFlight<K, V> {
    flights: Arc<Board<K, V>>,
}

/// The senders of the flights under way; the tasks that do the work are held by the senders' receivers.
type Board<K, V> = Mutex<HashMap<K, watch::Sender<Option<V>>>>;

/// The flight ended without a result, because its work panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the work ended without a result")]
pub struct Lost;

impl<K, V> SingleFlight<K, V>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Waits for the flight of `key`, starting it with `work` when there is none.
    ///
    /// The work runs in a task of its own: it goes on when the one who started it goes away, as long as anybody waits for
    /// it. When nobody does, it ends at its next step.
    ///
    /// # Errors
    /// [`Lost`] when the work panicked.
    pub async fn join(&self, key: K, work: impl Future<Output = V> + Send + 'static) -> Result<V, Lost> {
        let mut receiver = {
            let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
            // A flight that everybody left may still be on the board for a moment: nobody can join that one.
            let under_way = flights.get(&key).filter(|sender| !sender.is_closed());
            let under_way = under_way.map(watch::Sender::subscribe);
            let start = || {
                let (sender, receiver) = watch::channel(None);
                flights.insert(key.clone(), sender.clone());
                let landing = Landing {
                    flights: Arc::clone(&self.flights),
                    key,
                    sender,
                };
                tokio::spawn(landing.carry(work));
                receiver
            };
            match under_way {
                Some(receiver) => receiver,
                None => start(),
            }
        };
        let landed = receiver.wait_for(Option::is_some).await.map_err(|_closed| Lost)?;
        landed.clone().ok_or(Lost)
    }
}

impl<K, V> Default for SingleFlight<K, V> {
    fn default() -> Self {
        Self {
            flights: Arc::default(),
        }
    }
}

impl<K, V> fmt::Debug for SingleFlight<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlight").finish_non_exhaustive()
    }
}

/// One flight. Takes itself off the board when it ends, however it ends.
struct Landing<K: Hash + Eq, V> {
    flights: Arc<Board<K, V>>,
    key: K,
    sender: watch::Sender<Option<V>>,
}

impl<K: Hash + Eq, V> Landing<K, V> {
    async fn carry(self, work: impl Future<Output = V>) {
        let result = tokio::select! {
            result = work => result,
            () = self.sender.closed() => return,
        };
        let sender = self.sender.clone();
        // Off the board before the result is told: whoever asks from now on sees what was stored.
        drop(self);
        sender.send_replace(Some(result));
    }
}

impl<K: Hash + Eq, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        // A later flight of the same key may have taken the place.
        if flights
            .get(&self.key)
            .is_some_and(|sender| sender.same_channel(&self.sender))
        {
            flights.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn many_who_ask_at_once_share_one_piece_of_work() {
        let flights = SingleFlight::<u8, u32>::default();
        let runs = Arc::new(AtomicU32::new(0));
        let ask = || {
            let runs = Arc::clone(&runs);
            flights.join(1, async move {
                tokio::task::yield_now().await;
                runs.fetch_add(1, Ordering::Relaxed);
                7
            })
        };
        let answers = futures_util::future::join_all((0..20).map(|_| ask())).await;
        assert!(answers.iter().all(|a| *a == Ok(7)));
        assert_eq!(runs.load(Ordering::Relaxed), 1);
        assert_eq!(ask().await, Ok(7));
        assert_eq!(runs.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_panic_is_told_and_the_next_one_may_try_again() {
        let flights = SingleFlight::<u8, u32>::default();
        assert_eq!(flights.join(1, async { panic!("a codec") }).await, Err(Lost));
        assert_eq!(flights.join(1, async { 3 }).await, Ok(3));
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_ends() {
        let flights = Arc::new(SingleFlight::<u8, u32>::default());
        let (held, gone) = tokio::sync::oneshot::channel::<()>();
        let starter = tokio::spawn({
            let flights = Arc::clone(&flights);
            async move {
                let work = async move {
                    let _held = held;
                    std::future::pending().await
                };
                flights.join(1, work).await
            }
        });
        while flights.flights.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        starter.abort();
        assert!(gone.await.is_err(), "the work was dropped");
        assert_eq!(flights.join(1, async { 4 }).await, Ok(4));
    }

    #[tokio::test]
    async fn the_work_goes_on_when_its_starter_goes_away() {
        let flights = Arc::new(SingleFlight::<u8, u32>::default());
        let (release, gate) = tokio::sync::oneshot::channel::<()>();
        let starter = tokio::spawn({
            let flights = Arc::clone(&flights);
            async move { flights.join(1, async move { gate.await.map_or(0, |()| 9) }).await }
        });
        while flights.flights.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        let second = flights.join(1, async { 1 });
        let mut second = Box::pin(second);
        assert!(futures_util::poll!(&mut second).is_pending(), "it has joined");
        starter.abort();
        release.send(()).unwrap();
        assert_eq!(second.await, Ok(9));
    }
}
