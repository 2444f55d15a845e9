//! Maps a stored struct to an item of the table, and back; also single attributes.
//!
//! **Role:** each adapter declares the stored form of its item as a private struct, without the key, and parses
//! it to the domain's type. `serde_dynamo` maps each attribute. Keys, attributes with computed names and values
//! of expressions are mapped one by one.
//! **Invariant:** an [`ItemError`] names the attribute and never its value. The messages of serde quote values,
//! so each attribute is decoded separately and only its name is kept. Unknown attributes are not read.
//! **Deliberately absent:** the record of an email (`records/item.rs`): update expressions compare and change
//! its attributes one by one. An item that only an update expression writes is read here, and its values are
//! encoded here.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::slice;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::ports::PortError;
use domain::timestamp::Timestamp;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer, forward_to_deserialize_any};
use serde_dynamo::Deserializer as OfAttribute;

use crate::runtime::failure::port;
use crate::storage::attributes::{Item, ItemError};

/// Builds the item of a key and a stored struct.
pub(crate) fn encode<T: Serialize>(key: Item, stored: &T, what: &'static str) -> Result<Item, PortError> {
    let item = serde_dynamo::to_item::<_, Item>(stored);
    let mut item = item.map_err(|error| port(what)(error.into()))?;
    item.extend(key);
    Ok(item)
}

/// Reads the stored struct of an item.
///
/// # Errors
/// [`ItemError`] names the attribute.
pub(crate) fn decode<T: DeserializeOwned>(item: &Item) -> Result<T, ItemError> {
    T::deserialize(Attributes(item))
}

/// Reads one attribute.
///
/// # Errors
/// [`ItemError`] names the attribute.
pub(crate) fn attribute<T: DeserializeOwned>(item: &Item, name: &'static str) -> Result<T, ItemError> {
    maybe_attribute(item, name)?.ok_or(ItemError::Missing(name))
}

/// Whether the item has expired. DynamoDB's TTL deletes only within days.
pub(crate) fn is_forgotten(item: &Item, now: Timestamp) -> bool {
    attribute::<i64>(item, "ttl").is_ok_and(|ttl| ttl < now.as_secs())
}

/// Reads an attribute that may be missing.
///
/// # Errors
/// [`ItemError`] names the attribute.
pub(crate) fn maybe_attribute<T: DeserializeOwned>(item: &Item, name: &'static str) -> Result<Option<T>, ItemError> {
    let read = |value| from_value(value, PhantomData).ok_or(ItemError::Malformed(name));
    item.get(name).map(read).transpose()
}

/// Reads the attributes with computed names. `known` parses a name. An unknown name, or a value of another type,
/// is from a newer version and not read.
pub(crate) fn known_attributes<K: Ord, V: DeserializeOwned>(
    item: &Item,
    known: impl Fn(&str) -> Option<K>,
) -> BTreeMap<K, V> {
    let read = |(name, value): (&String, _)| Some((known(name)?, from_value(value, PhantomData)?));
    item.iter().filter_map(read).collect()
}

fn from_value<'de, V: DeserializeSeed<'de>>(value: &AttributeValue, seed: V) -> Option<V::Value> {
    // No item holds NULL, which serde would take for a missing attribute, nor an unknown type.
    if value.is_null() || value.is_unknown() {
        return None;
    }
    let attribute = OfAttribute::from_attribute_value(value.clone().into());
    seed.deserialize(attribute).ok()
}

/// Encodes a value of an attribute. Numbers, texts, flags and sets can always be encoded. Any other value becomes
/// NULL, which readers reject and no condition matches.
pub(crate) fn to_value<T: Serialize>(value: T) -> AttributeValue {
    serde_dynamo::to_attribute_value(value).unwrap_or(AttributeValue::Null(true))
}

/// Whether an attribute is left out, because its reader takes a missing one for this value.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A binary attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfBytes;
        impl Visitor<'_> for OfBytes {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(OfBytes)
    }
}

/// An item that is read field by field.
struct Attributes<'a>(&'a Item);

impl<'de> Deserializer<'de> for Attributes<'_> {
    type Error = ItemError;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ItemError> {
        visitor.visit_map(Fields {
            item: self.0,
            left: fields.iter(),
            name: "",
        })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, ItemError> {
        Err(ItemError::custom("an item is read as a struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The fields of a struct that an item has.
struct Fields<'a> {
    item: &'a Item,
    left: slice::Iter<'static, &'static str>,
    /// Field of the next value.
    name: &'static str,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = ItemError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ItemError> {
        let Some(name) = self.left.find(|name| self.item.contains_key(**name)) else {
            return Ok(None);
        };
        self.name = name;
        seed.deserialize(StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ItemError> {
        let value = self.item.get(self.name).and_then(|value| from_value(value, seed));
        value.ok_or(ItemError::Malformed(self.name))
    }
}

impl Error for ItemError {
    /// Derived code never calls this for an item: it reads no field twice and knows all their names.
    fn custom<T: Display>(_message: T) -> Self {
        Self::Malformed("*")
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::attributes::{b, n, s, yes};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Stored {
        name: String,
        no: u64,
        hash: Bytes,
        waits: Vec<u32>,
        #[serde(default, skip_serializing_if = "is_default")]
        until: Option<i64>,
        #[serde(default, skip_serializing_if = "is_default")]
        done: bool,
    }

    fn stored() -> Stored {
        Stored {
            name: "news".to_owned(),
            no: u64::MAX,
            hash: Bytes(vec![0, 255]),
            waits: vec![7, 70],
            until: None,
            done: false,
        }
    }

    fn item() -> Item {
        let waits = ["7", "70"].map(|wait| AttributeValue::N(wait.to_owned()));
        Item::from([
            s("pk", "p".to_owned()),
            s("name", "news".to_owned()),
            n("no", u64::MAX),
            b("hash", &[0, 255]),
            ("waits".to_owned(), AttributeValue::L(waits.to_vec())),
        ])
    }

    #[test]
    fn defaults_are_left_out_of_an_item() {
        let key = Item::from([s("pk", "p".to_owned())]);
        assert_eq!(encode(key.clone(), &stored(), "testing").unwrap(), item());
        let more = Stored {
            until: Some(-1),
            done: true,
            ..stored()
        };
        let mut expected = item();
        expected.extend([n("until", -1), yes("done")]);
        assert_eq!(encode(key, &more, "testing").unwrap(), expected);
        assert_eq!(decode(&expected), Ok(more));
    }

    #[test]
    fn unknown_attributes_are_not_read() {
        let mut newer = item();
        newer.extend([("more".to_owned(), AttributeValue::N("no number".to_owned()))]);
        assert_eq!(decode(&newer), Ok(stored()));
    }

    #[test]
    fn an_error_names_the_attribute_and_no_value() {
        for name in ["name", "no", "hash", "waits"] {
            let mut less = item();
            less.remove(name);
            assert_eq!(decode::<Stored>(&less), Err(ItemError::Missing(name)));
        }
        for name in ["name", "no", "hash", "waits", "until", "done"] {
            for garbage in [
                AttributeValue::Null(true),
                AttributeValue::N("1e400".to_owned()),
                AttributeValue::Ss(vec!["secret".to_owned()]),
                AttributeValue::M(Item::from([s("secret", "secret".to_owned())])),
            ] {
                let mut other = item();
                other.insert(name.to_owned(), garbage);
                assert_eq!(decode::<Stored>(&other), Err(ItemError::Malformed(name)));
            }
        }
    }

    #[test]
    fn one_attribute_is_read_by_its_name() {
        assert_eq!(attribute(&item(), "no"), Ok(u64::MAX));
        assert_eq!(attribute::<String>(&item(), "no"), Err(ItemError::Malformed("no")));
        assert_eq!(attribute::<u64>(&item(), "until"), Err(ItemError::Missing("until")));
        assert_eq!(maybe_attribute::<u64>(&item(), "until"), Ok(None));
        let null = Item::from([("no".to_owned(), AttributeValue::Null(true))]);
        assert_eq!(maybe_attribute::<u64>(&null, "no"), Err(ItemError::Malformed("no")));
    }

    #[test]
    fn computed_names_are_read_as_far_as_they_are_known() {
        let mut many = Item::from([n("n1", 1), n("n2", 2), n("x3", 3), n("n", 4), s("n5", "5".to_owned())]);
        many.extend([n("n6", -6)]);
        let known: BTreeMap<u8, u64> = known_attributes(&many, |name| name.strip_prefix('n')?.parse().ok());
        assert_eq!(known, BTreeMap::from([(1, 1), (2, 2)]));
    }

    #[test]
    fn values_of_expressions_have_the_types_of_items() {
        let text = || "text".to_owned();
        for (encoded, expected) in [
            (to_value(u64::MAX), n("", u64::MAX)),
            (to_value(-1_i64), n("", -1)),
            (to_value("text"), s("", text())),
            (to_value(text()), s("", text())),
            (to_value(true), yes("")),
            (to_value(Bytes(vec![1])), b("", &[1])),
        ] {
            assert_eq!(encoded, expected.1);
        }
    }

    #[test]
    fn an_item_is_read_as_a_struct_only() {
        assert!(decode::<Vec<u8>>(&item()).is_err());
    }
}
