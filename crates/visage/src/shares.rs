//! Places that clients share: how many there are, how many of them one client may have, and who gives one up when they run out.
//!
//! A place that waits for its client (for the head of a request, for the rest of a body) can be pushed out. It is always taken
//! from the client that has most of them, the longest waiting first: who opens very many takes them from itself.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::rate_limit::network;

/// Who is counted as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    network: IpAddr,
    /// Whether it may have no more than one client's share.
    is_bounded: bool,
}

/// How many places there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Of all clients together.
    pub total: usize,
    /// Of one client.
    pub per_client: usize,
    /// Of one client, waiting for it.
    pub waiting_per_client: usize,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The client has its share already.
    ClientHasItsShare,
    /// All are taken, and none can be pushed out.
    Full,
}

/// The places. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shares(Arc<Mutex<Table>>);

/// A place that is taken until it is dropped.
#[derive(Debug)]
pub struct Share {
    table: Arc<Mutex<Table>>,
    client: IpAddr,
    number: u64,
    seat: Arc<Seat>,
}

#[derive(Debug)]
struct Table {
    bounds: Bounds,
    taken: usize,
    /// Counts events, so that what waits longest has the least number.
    next: u64,
    clients: HashMap<IpAddr, BTreeMap<u64, Arc<Seat>>>,
}

#[derive(Debug)]
struct Seat {
    /// The event since which it waits for its client; [`BUSY`] when it does not.
    waits_since: AtomicU64,
    pushed_out: Notify,
}

const BUSY: u64 = u64::MAX;

impl Client {
    /// The client at an address. A program on this machine, such as a proxy, speaks for many.
    pub fn at(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let is_this_machine = address == IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)
            || address == IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);
        Self {
            network: network(address),
            is_bounded: !is_this_machine,
        }
    }

    /// A proxy that speaks for many clients.
    pub fn proxy(address: IpAddr) -> Self {
        Self {
            is_bounded: false,
            ..Self::at(address)
        }
    }

    /// Whether it may have no more than one client's share.
    pub fn is_bounded(self) -> bool {
        self.is_bounded
    }

    /// What all addresses of the client have in common.
    pub fn network(self) -> IpAddr {
        self.network
    }
}

impl Shares {
    /// So many places.
    pub fn new(bounds: Bounds) -> Self {
        Self(Arc::new(Mutex::new(Table {
            bounds,
            taken: 0,
            next: 0,
            clients: HashMap::new(),
        })))
    }

    /// Takes a place that waits for its client. When all are taken, the client with most of them gives one up.
    ///
    /// # Errors
    /// See [`Refusal`]
    pub fn take_waiting(&self, client: Client) -> Result<Share, Refusal> {
        let mut table = self.table();
        table.check_share(client)?;
        self.take_from_heaviest(&mut table, client)
    }

    /// As [`Self::take_waiting`], but a client that has its share gives up one of its own that waits.
    ///
    /// # Errors
    /// See [`Refusal`]
    pub fn take_waiting_or_own(&self, client: Client) -> Result<Share, Refusal> {
        let mut table = self.table();
        let bounds = table.bounds;
        let waiting = table.waiting_of(client.network);
        let has_its_share = table.count_of(client.network) >= bounds.per_client || waiting >= bounds.waiting_per_client;
        if client.is_bounded && has_its_share && !table.push_out_of(client.network) {
            return Err(Refusal::ClientHasItsShare);
        }
        self.take_from_heaviest(&mut table, client)
    }

    fn take_from_heaviest(&self, table: &mut Table, client: Client) -> Result<Share, Refusal> {
        if table.taken >= table.bounds.total {
            let heaviest = table.heaviest().ok_or(Refusal::Full)?;
            table.push_out_of(heaviest);
        }
        let since = table.next;
        Ok(self.seat(table, client, since))
    }

    fn seat(&self, table: &mut Table, client: Client, waits_since: u64) -> Share {
        let (number, seat) = (table.next, Arc::new(Seat::new(waits_since)));
        table.next += 1;
        table.taken += 1;
        let of_client = table.clients.entry(client.network).or_default();
        of_client.insert(number, Arc::clone(&seat));
        Share {
            table: Arc::clone(&self.0),
            client: client.network,
            number,
            seat,
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.0)
    }
}

/// Places that are never pushed out, so that a count of them is enough. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Counter(Arc<Counts>);

/// A counted place, until it is dropped.
#[derive(Debug)]
pub struct Counted {
    counts: Arc<Counts>,
    /// `None` when it has no share.
    client: Option<IpAddr>,
}

#[derive(Debug)]
struct Counts {
    bounds: Bounds,
    taken: AtomicUsize,
    of_clients: Mutex<HashMap<IpAddr, usize>>,
}

impl Counter {
    /// So many places.
    pub fn new(bounds: Bounds) -> Self {
        Self(Arc::new(Counts {
            bounds,
            taken: AtomicUsize::new(0),
            of_clients: Mutex::default(),
        }))
    }

    /// Takes a place that is free.
    ///
    /// # Errors
    /// See [`Refusal`]
    pub fn take(&self, client: Client) -> Result<Counted, Refusal> {
        // Counted first: what is refused is given back by its drop.
        let before = self.0.taken.fetch_add(1, Ordering::Relaxed);
        let mut place = Counted {
            counts: Arc::clone(&self.0),
            client: None,
        };
        if before >= self.0.bounds.total {
            return Err(Refusal::Full);
        }
        if client.is_bounded {
            let mut of_clients = self.0.of_clients();
            let count = of_clients.entry(client.network).or_default();
            if *count >= self.0.bounds.per_client {
                return Err(Refusal::ClientHasItsShare);
            }
            *count += 1;
            place.client = Some(client.network);
        }
        Ok(place)
    }
}

impl Counts {
    fn of_clients(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.of_clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.counts.taken.fetch_sub(1, Ordering::Relaxed);
        let Some(client) = self.client else { return };
        let mut of_clients = self.counts.of_clients();
        if let Some(count) = of_clients.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                of_clients.remove(&client);
            }
        }
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Table {
    fn check_share(&self, client: Client) -> Result<(), Refusal> {
        if client.is_bounded && self.count_of(client.network) >= self.bounds.per_client {
            return Err(Refusal::ClientHasItsShare);
        }
        Ok(())
    }

    fn count_of(&self, client: IpAddr) -> usize {
        self.clients.get(&client).map_or(0, BTreeMap::len)
    }

    fn waiting_of(&self, client: IpAddr) -> usize {
        self.clients.get(&client).map_or(0, count_waiting)
    }

    /// The client with most places that wait for it.
    fn heaviest(&self) -> Option<IpAddr> {
        let waiting = self
            .clients
            .iter()
            .map(|(client, seats)| (count_waiting(seats), client));
        let heaviest = waiting.filter(|(count, _)| *count > 0).max();
        heaviest.map(|(_, client)| *client)
    }

    /// Pushes out the place of `client` that waits longest; `false` when none waits.
    fn push_out_of(&mut self, client: IpAddr) -> bool {
        let seats = self.clients.get(&client).into_iter().flatten();
        let waiting = seats.map(|(number, seat)| (seat.waits_since(), *number));
        let Some((_, number)) = waiting.filter(|(since, _)| *since != BUSY).min() else {
            return false;
        };
        if let Some(seat) = self.remove(client, number) {
            seat.pushed_out.notify_one();
        }
        true
    }

    fn remove(&mut self, client: IpAddr, number: u64) -> Option<Arc<Seat>> {
        let seats = self.clients.get_mut(&client)?;
        let seat = seats.remove(&number)?;
        if seats.is_empty() {
            self.clients.remove(&client);
        }
        self.taken -= 1;
        Some(seat)
    }
}

fn count_waiting(seats: &BTreeMap<u64, Arc<Seat>>) -> usize {
    seats.values().filter(|seat| seat.waits_since() != BUSY).count()
}

impl Seat {
    fn new(waits_since: u64) -> Self {
        Self {
            waits_since: AtomicU64::new(waits_since),
            pushed_out: Notify::new(),
        }
    }

    fn waits_since(&self) -> u64 {
        self.waits_since.load(Ordering::Relaxed)
    }
}

impl Share {
    /// From now on the place does not wait for its client, and stays.
    pub fn keep(&self) {
        self.seat.waits_since.store(BUSY, Ordering::Relaxed);
    }

    /// From now on the place waits for its client.
    pub fn wait(&self) {
        let mut table = lock(&self.table);
        self.seat.waits_since.store(table.next, Ordering::Relaxed);
        table.next += 1;
    }

    /// Ends when the place was given to another client.
    pub fn pushed_out(&self) -> impl Future<Output = ()> + Send + use<> {
        let seat = Arc::clone(&self.seat);
        async move { seat.pushed_out.notified().await }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        lock(&self.table).remove(self.client, self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn client(n: u8) -> Client {
        Client::at([192, 0, 2, n].into())
    }

    fn shares(total: usize, per_client: usize) -> Shares {
        Shares::new(Bounds {
            total,
            per_client,
            waiting_per_client: per_client,
        })
    }

    fn is_pushed_out(share: &Share) -> bool {
        share.pushed_out().now_or_never().is_some()
    }

    #[test]
    fn client_has_its_share_and_no_more() {
        let bounds = Bounds {
            total: 10,
            per_client: 2,
            waiting_per_client: 2,
        };
        let (shares, counter) = (Shares::new(bounds), Counter::new(bounds));
        let waiting = [1, 1].map(|n| shares.take_waiting(client(n)).unwrap());
        let places = [1, 1].map(|n| counter.take(client(n)).unwrap());
        assert_eq!(shares.take_waiting(client(1)).unwrap_err(), Refusal::ClientHasItsShare);
        assert_eq!(counter.take(client(1)).unwrap_err(), Refusal::ClientHasItsShare);
        assert!(shares.take_waiting(client(2)).is_ok() && counter.take(client(2)).is_ok());
        drop((waiting, places));
        assert!(shares.take_waiting(client(1)).is_ok() && counter.take(client(1)).is_ok());
        assert!(counter.0.of_clients().is_empty());
    }

    #[test]
    fn all_clients_have_the_total_and_no_more() {
        let bounds = Bounds {
            total: 2,
            per_client: 2,
            waiting_per_client: 2,
        };
        let (shares, counter) = (Shares::new(bounds), Counter::new(bounds));
        let busy = [1, 2].map(|n| shares.take_waiting(client(n)).unwrap());
        busy.iter().for_each(Share::keep);
        assert_eq!(shares.take_waiting(client(3)).unwrap_err(), Refusal::Full);
        let places = [1, 2].map(|n| counter.take(client(n)).unwrap());
        assert_eq!(counter.take(client(3)).unwrap_err(), Refusal::Full);
        drop(places);
        assert!(counter.take(client(3)).is_ok());
    }

    #[test]
    fn heaviest_client_gives_up_its_longest_waiting() {
        let shares = shares(4, 4);
        let other = shares.take_waiting(client(1)).unwrap();
        let heavy: Vec<_> = (0..3).map(|_| shares.take_waiting(client(2)).unwrap()).collect();
        let mine = shares.take_waiting(client(3)).unwrap();
        let pushed_out: Vec<bool> = heavy.iter().map(is_pushed_out).collect();
        assert_eq!(pushed_out, [true, false, false]);
        assert!(!is_pushed_out(&other) && !is_pushed_out(&mine));
        drop(heavy);
        for share in [&other, &mine] {
            share.keep();
        }
        let free: Vec<_> = (0..3).map(|_| shares.take_waiting(client(4)).unwrap()).collect();
        let pushed_out: Vec<bool> = free.iter().map(is_pushed_out).collect();
        assert_eq!(pushed_out, [true, false, false], "two were free");
    }

    #[test]
    fn busy_place_is_not_pushed_out_until_it_waits_again() {
        let shares = shares(2, 2);
        let [first, second] = [1, 1].map(|n| shares.take_waiting(client(n)).unwrap());
        first.keep();
        second.keep();
        assert_eq!(shares.take_waiting(client(2)).unwrap_err(), Refusal::Full);
        second.wait();
        first.wait();
        let _mine = shares.take_waiting(client(2)).unwrap();
        assert!(is_pushed_out(&second) && !is_pushed_out(&first), "it waits longer");
    }

    #[test]
    fn client_over_its_share_gives_up_its_own() {
        let shares = shares(10, 2);
        let held = [1, 1].map(|n| shares.take_waiting_or_own(client(n)).unwrap());
        let other = shares.take_waiting_or_own(client(2)).unwrap();
        let third = shares.take_waiting_or_own(client(1)).unwrap();
        assert!(is_pushed_out(&held[0]) && !is_pushed_out(&held[1]) && !is_pushed_out(&other));
        held[1].keep();
        third.keep();
        let refused = shares.take_waiting_or_own(client(1)).unwrap_err();
        assert_eq!(refused, Refusal::ClientHasItsShare);
    }

    #[test]
    fn waiting_places_of_a_client_have_a_bound_of_their_own() {
        let shares = Shares::new(Bounds {
            total: 10,
            per_client: 5,
            waiting_per_client: 2,
        });
        let held: Vec<_> = (0..3).map(|_| shares.take_waiting_or_own(client(1)).unwrap()).collect();
        let pushed_out: Vec<bool> = held.iter().map(is_pushed_out).collect();
        assert_eq!(pushed_out, [true, false, false]);
        held[1].keep();
        let _fourth = shares.take_waiting_or_own(client(1)).unwrap();
        assert!(!is_pushed_out(&held[2]));
    }

    #[test]
    fn programs_on_this_machine_and_proxies_have_no_share() {
        let (shares, bounds) = (shares(10, 1), |total| Bounds {
            total,
            per_client: 1,
            waiting_per_client: 1,
        });
        let here = ["127.0.0.1", "::1", "::ffff:127.0.0.1"].map(|address| Client::at(address.parse().unwrap()));
        let proxy = Client::proxy([192, 0, 2, 1].into());
        for client in here.into_iter().chain([proxy]) {
            let _waiting = [
                shares.take_waiting(client).unwrap(),
                shares.take_waiting(client).unwrap(),
            ];
            let counter = Counter::new(bounds(2));
            let _counted = [counter.take(client).unwrap(), counter.take(client).unwrap()];
            assert_eq!(counter.take(client).unwrap_err(), Refusal::Full);
        }
        assert!(Client::at([127, 0, 0, 2].into()).is_bounded());
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_client() {
        let shares = shares(10, 1);
        let at = |address: &str| Client::at(address.parse().unwrap());
        let _held = shares.take_waiting(at("2001:db8:1:2::1")).unwrap();
        assert!(shares.take_waiting(at("2001:db8:1:2:ffff::1")).is_err());
        assert!(shares.take_waiting(at("2001:db8:1:3::1")).is_ok());
    }
}
