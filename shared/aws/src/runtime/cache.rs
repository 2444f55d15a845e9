//! State that an environment keeps in memory between invocations.
//!
//! **Invariant:** a cached value is used only while it is fresh. The reader decides about that, by the stamp that the
//! value was stored with.
//! **Start reading at** [`Cached`].

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::timestamp::Timestamp;

/// Capacity of a cache. Our choice: a thousand entries need little memory, and seldom miss.
const MOST: usize = 1_000;

/// Values by their key, each with a stamp: the time of its read, or the version that it was read under. A full
/// cache is emptied, and values are read again as needed.
#[derive(Debug)]
pub struct Cached<K, V, S = Timestamp> {
    most: usize,
    entries: Mutex<HashMap<K, (S, V)>>,
}

impl<K, V, S> Default for Cached<K, V, S> {
    fn default() -> Self {
        Self::of(MOST)
    }
}

impl<K, V, S> Cached<K, V, S> {
    /// Creates an empty cache of this capacity.
    #[must_use]
    pub fn of(most: usize) -> Self {
        let entries = Mutex::default();
        Self { most, entries }
    }
}

impl<K: Eq + Hash, V: Clone, S> Cached<K, V, S> {
    /// Returns the value of a key if its stamp is fresh.
    pub fn get(&self, key: &K, is_fresh: impl FnOnce(&S) -> bool) -> Option<V> {
        let entries = lock(&self.entries);
        let (_, value) = entries.get(key).filter(|(stamp, _)| is_fresh(stamp))?;
        Some(value.clone())
    }

    /// Stores a value.
    pub fn put(&self, key: K, stamp: S, value: V) {
        let mut entries = lock(&self.entries);
        if entries.len() >= self.most {
            entries.clear();
        }
        entries.insert(key, (stamp, value));
    }

    /// Number of entries, fresh or not.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        lock(&self.entries).len()
    }

    /// Removes a value.
    pub fn remove(&self, key: &K) {
        lock(&self.entries).remove(key);
    }
}

impl<K: Eq + Hash, V: Clone> Cached<K, V> {
    /// Returns the value of a key if it is younger than `lifetime`.
    pub fn fresh(&self, key: &K, now: Timestamp, lifetime: Duration) -> Option<V> {
        self.get(key, |at| now.since(*at) < lifetime)
    }
}

/// Locks a value, also after a panic of another holder: every holder leaves a complete value.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_fresh_within_its_lifetime() {
        let (cached, lifetime) = (Cached::default(), Duration::from_secs(2));
        let at = Timestamp::from_millis;
        assert_eq!(cached.fresh(&1, at(0), lifetime), None);
        cached.put(1, at(0), "value");
        assert_eq!(cached.fresh(&1, at(1_999), lifetime), Some("value"));
        assert_eq!(cached.fresh(&1, at(2_000), lifetime), None);
        cached.remove(&1);
        assert_eq!(cached.fresh(&1, at(0), lifetime), None);
    }

    #[test]
    fn a_full_cache_is_emptied() {
        let cached = Cached::of(2);
        for key in 0..3 {
            cached.put(key, (), key);
        }
        let known = [0, 1, 2].map(|key| cached.get(&key, |()| true));
        assert_eq!(known, [None, None, Some(2)]);
    }

    #[test]
    fn a_panic_of_a_holder_leaves_the_value() {
        let value = std::sync::Arc::new(Mutex::new(1));
        let shared = std::sync::Arc::clone(&value);
        let panicked = std::thread::spawn(move || {
            let _guard = shared.lock().unwrap();
            panic!("poison");
        });
        assert!(panicked.join().is_err());
        assert_eq!(*lock(&value), 1);
    }
}
