//! What an environment remembers of settings that seldom change: queues, suppressions.
//!
//! **Invariant:** something remembered is good only under the very number of changes that it was read
//! under ([`domain::pacing::Pace::settings_no`]), which every batch learns when it books. A steady
//! flow reads nothing twice, and a change is heard of with the next batch.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// More than this is not remembered at once: all is forgotten, and read again as it is needed.
const MOST: usize = 1_000;

/// Settings by their key, each with the number of changes that it was read under.
#[derive(Debug)]
pub struct Remembered<K, V>(Mutex<HashMap<K, (u64, V)>>);

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Eq + Hash, V: Clone> Remembered<K, V> {
    /// What is remembered, or read anew.
    ///
    /// # Errors
    /// When it had to be read and could not be.
    pub async fn get<E>(&self, key: K, settings_no: u64, read: impl Future<Output = Result<V, E>>) -> Result<V, E> {
        let known = self.lock().get(&key).cloned();
        if let Some((no, value)) = known
            && no == settings_no
        {
            return Ok(value);
        }
        let value = read.await?;
        let mut all = self.lock();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(key, (settings_no, value.clone()));
        Ok(value)
    }

    /// What was last read, however old: good for a first guess only.
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

    async fn read(remembered: &Remembered<u8, u8>, no: u64, value: u8) -> u8 {
        let value: Result<_, Infallible> = remembered.get(1, no, ready(Ok(value))).await;
        value.unwrap()
    }

    #[tokio::test]
    async fn what_is_remembered_is_good_until_something_changes() {
        let remembered = Remembered::default();
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
    async fn what_could_not_be_read_is_not_remembered() {
        let remembered = Remembered::<u8, u8>::default();
        assert_eq!(remembered.get(1, 1, ready(Err("away"))).await, Err("away"));
        assert_eq!(read(&remembered, 1, 2).await, 2);
    }

    #[tokio::test]
    async fn no_more_is_remembered_than_there_is_room_for() {
        let remembered = Remembered::<usize, ()>::default();
        for key in 0..=MOST {
            let value: Result<(), Infallible> = remembered.get(key, 1, ready(Ok(()))).await;
            value.unwrap();
        }
        assert_eq!(remembered.lock().len(), 1);
    }
}
