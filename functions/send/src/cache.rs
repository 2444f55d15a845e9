//! Cache of settings that seldom change: queues, suppressions.
//!
//! **Invariant:** a cached value is valid only under the settings version that it was read under
//! ([`domain::delivery::account_rate::AccountRate::settings_version`]). Every batch learns that version with its permits.
//! A steady flow reads nothing twice, and the next batch sees a change.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// Capacity. A full cache is emptied, and values are read again as needed.
const MOST: usize = 1_000;

/// Settings by their key, each with the settings version that it was read under.
#[derive(Debug)]
pub struct Cached<K, V>(Mutex<HashMap<K, (u64, V)>>);

impl<K, V> Default for Cached<K, V> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Eq + Hash, V: Clone> Cached<K, V> {
    /// Returns the cached value, or reads it again.
    ///
    /// # Errors
    /// A necessary read failed.
    pub async fn get<E>(
        &self,
        key: K,
        settings_version: u64,
        read: impl Future<Output = Result<V, E>>,
    ) -> Result<V, E> {
        let known = self.lock().get(&key).cloned();
        if let Some((no, value)) = known
            && no == settings_version
        {
            return Ok(value);
        }
        let value = read.await?;
        let mut all = self.lock();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(key, (settings_version, value.clone()));
        Ok(value)
    }

    /// Returns the last read value of any age: only a first guess.
    pub fn last(&self, key: &K) -> Option<V> {
        self.lock().get(key).map(|(_, value)| value.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<K, (u64, V)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::ready;

    use super::*;

    async fn read(remembered: &Cached<u8, u8>, no: u64, value: u8) -> u8 {
        let value: Result<_, Infallible> = remembered.get(1, no, ready(Ok(value))).await;
        value.unwrap()
    }

    #[tokio::test]
    async fn a_value_is_valid_until_the_settings_change() {
        let remembered = Cached::default();
        assert_eq!(read(&remembered, 7, 1).await, 1);
        assert_eq!(read(&remembered, 7, 2).await, 1);
        assert_eq!(read(&remembered, 8, 3).await, 3, "something has changed");
        assert_eq!(
            read(&remembered, 7, 4).await,
            4,
            "another one's number is no reason to trust"
        );
    }

    #[tokio::test]
    async fn a_failed_read_is_not_cached() {
        let remembered = Cached::<u8, u8>::default();
        assert_eq!(remembered.get(1, 1, ready(Err("away"))).await, Err("away"));
        assert_eq!(read(&remembered, 1, 2).await, 2);
    }

    #[tokio::test]
    async fn a_full_cache_is_emptied() {
        let remembered = Cached::<usize, ()>::default();
        for key in 0..=MOST {
            let value: Result<(), Infallible> = remembered.get(key, 1, ready(Ok(()))).await;
            value.unwrap();
        }
        assert_eq!(remembered.lock().len(), 1);
    }
}
