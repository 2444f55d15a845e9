//! Reads a request's JSON into values that keep the caller's details: the order of objects, repeated keys, and the
//! path of each mistake.
//!
//! **Role:** called by the readers of requests beside it.
//! **Invariant:** any bytes end in a [`Node`] or an [`ApiError`], in bounded memory.
//! **Start reading at** [`read_json`].

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "JSON has only six types; all wrong types are the same error"
)]

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::source;
use crate::api::error::ApiError;
use crate::limits;
use crate::message::problem::{EmailError, Problem};

/// A JSON value that keeps its objects' order and repeated keys.
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    /// An array of whole numbers up to 255, at a key of [`KEYS_OF_BYTES`]; never an empty one.
    Bytes(Vec<u8>),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// Keys whose value may be a list of bytes. Each number there costs a byte of memory, not a value.
const KEYS_OF_BYTES: [&str; 2] = ["content", "data"];

impl Node {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::Array(_) | Self::Bytes(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    pub(super) fn is_none(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Array(nodes) => nodes.is_empty(),
            Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::Bytes(_) | Self::Object(_) => false,
        }
    }
}

pub(super) fn read_json(body: &[u8]) -> Result<Node, ApiError> {
    read_text(&source::text(body)?)
}

/// Reads the text of a body.
pub(super) fn read_text(text: &str) -> Result<Node, ApiError> {
    let (left, saved) = (Cell::new(limits::JSON_VALUES), Cell::new(0));
    let node = read(text, &left, &saved);
    if text.len().saturating_sub(saved.get()) > limits::REQUEST_BYTES {
        return Err(source::too_large(limits::REQUEST_BYTES));
    }
    node.map_err(|why| ApiError::malformed(unreadable("The request body", &why)))
}

/// An element of an array.
pub(super) enum Element<'a> {
    /// An element that was read together with its neighbours.
    Read(Node),
    /// The text of an element that is well-formed.
    Text(&'a str),
}

impl Element<'_> {
    pub(super) fn node(self) -> Result<Node, EmailError> {
        let text = match self {
            Self::Read(node) => return Ok(node),
            Self::Text(text) => text,
        };
        let node = read(text, &Cell::new(limits::JSON_VALUES), &Cell::new(0));
        node.map_err(|why| EmailError::at("", Problem::Json(unreadable("The email", &why))))
    }
}

fn read(text: &str, left: &Cell<u32>, saved: &Cell<usize>) -> Result<Node, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let bytes = false;
    let node = NodeSeed { left, saved, bytes }.deserialize(&mut reader)?;
    reader.end().map(|()| node)
}

/// Reason of the error that [`NodeSeed::take`] returns.
const TOO_MANY: &str = "too many values";

/// Returns the sentence about a body or an email that was not read.
fn unreadable(subject: &str, why: &serde_json::Error) -> String {
    let why = why.to_string();
    if why.starts_with(TOO_MANY) {
        let max = limits::JSON_VALUES;
        format!("{subject} has too many values: at most {max} are accepted.")
    } else if why.starts_with("recursion limit") {
        let depth = limits::JSON_DEPTH;
        format!("{subject} is nested too deeply: arrays and objects must be nested less than {depth} deep.")
    } else {
        format!("{subject} is not valid JSON: {why}.")
    }
}

/// Builds a [`Node`]; nesting is bounded by `serde_json`, the number of values by `left`.
#[derive(Clone, Copy)]
struct NodeSeed<'a> {
    left: &'a Cell<u32>,
    /// Characters of the body that do not count: each number in a list of bytes counts as one byte.
    saved: &'a Cell<usize>,
    /// True where an array may be a list of bytes.
    bytes: bool,
}

impl NodeSeed<'_> {
    /// Takes `values` from the number of values left.
    fn take<E: serde::de::Error>(self, values: usize) -> Result<(), E> {
        let values = u32::try_from(values).ok();
        let left = values.and_then(|values| self.left.get().checked_sub(values));
        self.left.set(left.ok_or_else(|| E::custom(TOO_MANY))?);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Node, D::Error> {
        self.take(1)?;
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, given: bool) -> Result<Node, E> {
        Ok(Node::Bool(given))
    }

    fn visit_i64<E>(self, whole: i64) -> Result<Node, E> {
        Ok(Node::Number(whole.into()))
    }

    fn visit_u64<E>(self, whole: u64) -> Result<Node, E> {
        Ok(Node::Number(whole.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Node, E> {
        let number = serde_json::Number::from_f64(number);
        number
            .map(Node::Number)
            .ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let (mut nodes, mut bytes, mut saved) = (Vec::new(), Vec::new(), 0_usize);
        let each = NodeSeed { bytes: false, ..self };
        while let Some(node) = seq.next_element_seed(each)? {
            let byte = match &node {
                Node::Number(number) if self.bytes && nodes.is_empty() => number.as_u64(),
                _ => None,
            };
            if let Some(byte) = byte.and_then(|byte| u8::try_from(byte).ok()) {
                bytes.push(byte);
                // The digits and a comma, minus the byte.
                saved += if byte < 10 {
                    1
                } else if byte < 100 {
                    2
                } else {
                    3
                };
                self.left.set(self.left.get().saturating_add(1));
            } else {
                // It is not a list of bytes after all.
                self.take(bytes.len())?;
                nodes.extend(bytes.drain(..).map(|byte| Node::Number(byte.into())));
                nodes.push(node);
            }
        }
        if bytes.is_empty() {
            return Ok(Node::Array(nodes));
        }
        self.saved.set(self.saved.get().saturating_add(saved));
        Ok(Node::Bytes(bytes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let bytes = KEYS_OF_BYTES.contains(&key.as_str());
            entries.push((key, map.next_value_seed(NodeSeed { bytes, ..self })?));
        }
        Ok(Node::Object(entries))
    }
}

pub(super) fn object(path: &str, node: Node) -> Result<Vec<(String, Node)>, EmailError> {
    match node {
        Node::Object(entries) => Ok(entries),
        node => Err(wrong_type(path, "an object", &node)),
    }
}

pub(super) fn text(path: &str, node: Node) -> Result<Option<String>, EmailError> {
    match node {
        Node::Null => Ok(None),
        Node::Text(text) => Ok(Some(text)),
        node => Err(wrong_type(path, "a string", &node)),
    }
}

/// A text, or a number as its shortest JSON text.
pub(super) fn text_or_number(path: &str, node: Node) -> Result<Option<String>, EmailError> {
    match node {
        Node::Number(number) => Ok(Some(number.to_string())),
        node => text(path, node),
    }
}

/// A whole number between `min` and `max`, both included.
pub(super) fn whole(path: &str, node: Node, min: i64, max: i64) -> Result<Option<i64>, EmailError> {
    match node {
        Node::Null => Ok(None),
        Node::Number(number) => {
            let number = number.as_i64().filter(|number| (min..=max).contains(number));
            let number = number.ok_or_else(|| EmailError::at(path, Problem::Range { min, max }))?;
            Ok(Some(number))
        }
        node => Err(wrong_type(path, "a whole number", &node)),
    }
}

/// A list of 1 to `max` texts, each read by `read` at its own path. `none` is the problem of an empty list.
pub(super) fn texts<T>(
    path: &str,
    node: Node,
    (max, none): (usize, &'static str),
    read: impl Fn(&str, &str) -> Result<T, EmailError>,
) -> Result<Option<Vec<T>>, EmailError> {
    let nodes = match node {
        Node::Null => return Ok(None),
        Node::Array(nodes) => nodes,
        node => return Err(wrong_type(path, "an array of strings", &node)),
    };
    let found = nodes.len();
    if found == 0 {
        return Err(EmailError::at(path, Problem::Bad(none)));
    }
    if found > max {
        return Err(EmailError::at(path, Problem::TooMany { found, max }));
    }
    let one = |(index, node)| {
        let path = format!("{path}[{index}]");
        match node {
            Node::Text(text) => read(&path, &text),
            node => Err(wrong_type(&path, "a string", &node)),
        }
    };
    let read: Result<_, _> = nodes.into_iter().enumerate().map(one).collect();
    read.map(Some)
}

pub(super) fn wrong_type(path: &str, expected: &'static str, node: &Node) -> EmailError {
    let found = node.kind();
    EmailError::at(path, Problem::WrongType { expected, found })
}

/// A caller's key as part of a path: short, and without line breaks. An empty key becomes `""`, because an empty path
/// means the whole body.
pub(super) fn echo(key: &str) -> String {
    if key.is_empty() {
        return "\"\"".to_owned();
    }
    let shown: String = key.chars().take(limits::ECHO_MAX).collect();
    shown.escape_debug().to_string()
}
