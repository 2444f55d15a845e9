//! Cache of settings that seldom change: queues, suppressions.
//!
//! **Invariant:** a cached value is valid only under the settings version that it was read under
//! ([`domain::delivery::account_rate::AccountRate::settings_version`]). Every batch learns that version with its permits.
//! A steady flow reads nothing twice, and the next batch sees a change.

use std::hash::Hash;

use aws::runtime::cache::Cached;

/// Settings by their key, each with the settings version that it was read under.
#[derive(Debug)]
pub struct SettingsCache<K, V>(Cached<K, V, u64>);

impl<K, V> Default for SettingsCache<K, V> {
    fn default() -> Self {
        Self(Cached::default())
    }
}

impl<K: Eq + Hash, V: Clone> SettingsCache<K, V> {
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
        if let Some(value) = self.0.get(&key, |version| *version == settings_version) {
            return Ok(value);
        }
        let value = read.await?;
        self.0.put(key, settings_version, value.clone());
        Ok(value)
    }

    /// Returns the last read value of any age: only a first guess.
    pub fn last(&self, key: &K) -> Option<V> {
        self.0.get(key, |_| true)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::ready;

    use super::*;

    async fn read(cached: &SettingsCache<u8, u8>, version: u64, value: u8) -> u8 {
        let value: Result<_, Infallible> = cached.get(1, version, ready(Ok(value))).await;
        value.unwrap()
    }

    #[tokio::test]
    async fn a_value_is_valid_until_the_settings_change() {
        let cached = SettingsCache::default();
        assert_eq!(read(&cached, 7, 1).await, 1);
        assert_eq!(read(&cached, 7, 2).await, 1);
        assert_eq!(read(&cached, 8, 3).await, 3, "something has changed");
        assert_eq!(
            read(&cached, 7, 4).await,
            4,
            "a value of another settings version is read again"
        );
    }

    #[tokio::test]
    async fn a_failed_read_is_not_cached() {
        let cached = SettingsCache::<u8, u8>::default();
        assert_eq!(cached.get(1, 1, ready(Err("away"))).await, Err("away"));
        assert_eq!(read(&cached, 1, 2).await, 2);
    }
}
