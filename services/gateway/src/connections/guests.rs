//! Who is connected, and who has to go when there is no more room.
//!
//! A stranger can open connections and leave them open: with no handshake, with no request. So a newcomer gets the
//! place of a connection that waits for its client, the one that has waited longest: of the same address where that
//! has all that one may have, else of the address that has the most. One with a request under way stays.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Requests;

/// All that are connected to one port. Clones share them.
#[derive(Clone)]
pub struct Guests {
    most: usize,
    most_each: usize,
    present: Arc<Mutex<Present>>,
}

#[derive(Default)]
struct Present {
    total: usize,
    by_address: HashMap<IpAddr, HashMap<u64, Place>>,
    next: u64,
    told: Option<Instant>,
}

struct Place {
    requests: Requests,
    leave: CancellationToken,
}

/// One connection; its place is free again when it is dropped.
pub struct Guest {
    /// Those that it has under way.
    pub requests: Requests,
    /// It has to go: somebody else has its place.
    pub leave: CancellationToken,
    address: IpAddr,
    number: u64,
    present: Arc<Mutex<Present>>,
}

impl Guests {
    /// Room for so many, and so many of each address.
    pub fn new(most: usize, most_each: usize) -> Guests {
        Guests {
            most,
            most_each,
            present: Arc::default(),
        }
    }

    /// A place for one from this address; `None` where all that it could have are busy.
    pub fn admit(&self, address: IpAddr) -> Option<Guest> {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        let his = present.by_address.get(&address).map_or(0, HashMap::len);
        if his >= self.most_each || present.total >= self.most {
            let made_room = match his >= self.most_each {
                true => present.dismiss_one_of(address),
                false => present.dismiss_one(),
            };
            present.tell(his, made_room);
            if !made_room {
                return None;
            }
        }
        let guest = Guest {
            requests: Requests::new(),
            leave: CancellationToken::new(),
            address,
            number: present.next,
            present: self.present.clone(),
        };
        let place = Place {
            requests: guest.requests.clone(),
            leave: guest.leave.clone(),
        };
        present.next += 1;
        present.total += 1;
        let his = present.by_address.entry(address).or_default();
        his.insert(guest.number, place);
        Some(guest)
    }
}

impl Present {
    fn dismiss_one_of(&mut self, address: IpAddr) -> bool {
        let Some(his) = self.by_address.get(&address) else {
            return false;
        };
        let idle = his
            .iter()
            .filter_map(|(number, place)| Some((place.requests.idle_since()?, *number)));
        let Some((_, number)) = idle.min() else {
            return false;
        };
        if let Some(place) = self.forget(address, number) {
            place.leave.cancel();
        }
        true
    }

    fn dismiss_one(&mut self) -> bool {
        let mut addresses = self
            .by_address
            .iter()
            .map(|(address, his)| (his.len(), *address))
            .collect::<Vec<_>>();
        addresses.sort_unstable_by(|one, other| other.cmp(one));
        addresses
            .into_iter()
            .any(|(_, address)| self.dismiss_one_of(address))
    }

    /// One whose place was taken is not here any more.
    fn forget(&mut self, address: IpAddr, number: u64) -> Option<Place> {
        let his = self.by_address.get_mut(&address)?;
        let place = his.remove(&number)?;
        if his.is_empty() {
            self.by_address.remove(&address);
        }
        self.total -= 1;
        Some(place)
    }

    /// Once a minute: a flood does not fill the log as well.
    fn tell(&mut self, of_one_address: usize, made_room: bool) {
        if self.told.is_some_and(|at| at.elapsed() < TELL_AGAIN) {
            return;
        }
        self.told = Some(Instant::now());
        let total = self.total;
        match made_room {
            true => warn!(
                total,
                of_one_address, "too many connections, closing idle ones"
            ),
            false => warn!(total, of_one_address, "too many connections, refusing more"),
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        present.forget(self.address, self.number);
    }
}

const TELL_AGAIN: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn is_gone(guest: &Guest) -> bool {
        guest.leave.is_cancelled()
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_gets_the_place_that_was_idle_longest_at_his_own_address() {
        let guests = Guests::new(10, 2);
        let first = guests.admit(address(1)).unwrap();
        let other = guests.admit(address(2)).unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        let second = guests.admit(address(1)).unwrap();
        // A request makes it the one that was idle last.
        drop(first.requests.begin());
        tokio::time::advance(Duration::from_secs(1)).await;
        drop(first.requests.begin());
        let third = guests.admit(address(1)).unwrap();
        let all = [&first, &other, &second, &third];
        assert_eq!(all.map(is_gone), [false, false, true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_house_dismisses_one_of_whoever_has_the_most() {
        let guests = Guests::new(4, 3);
        let early = guests.admit(address(1)).unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        let crowd = [2, 2, 2].map(|last| guests.admit(address(last)).unwrap());
        let newcomer = guests.admit(address(3)).unwrap();
        assert!(!is_gone(&early) && !is_gone(&newcomer));
        assert_eq!(crowd.iter().filter(|guest| is_gone(guest)).count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_a_request_under_way_stays() {
        let guests = Guests::new(3, 2);
        let busy = [1, 1, 2].map(|last| guests.admit(address(last)).unwrap());
        let requests = busy.each_ref().map(|guest| guest.requests.begin());
        assert!(guests.admit(address(1)).is_none(), "his are all busy");
        assert!(guests.admit(address(3)).is_none(), "all are busy");
        drop(requests);
        assert!(guests.admit(address(3)).is_some());
    }

    #[tokio::test]
    async fn whoever_left_is_forgotten() {
        let guests = Guests::new(1, 1);
        let first = guests.admit(address(1)).unwrap();
        let second = guests.admit(address(2)).unwrap();
        drop(first);
        assert!(!is_gone(&second));
        assert_eq!(guests.present.lock().unwrap().total, 1);
        drop(second);
        assert_eq!(guests.present.lock().unwrap().total, 0);
        assert!(guests.present.lock().unwrap().by_address.is_empty());
    }
}
