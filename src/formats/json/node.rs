//! The members of one record that are kept, whatever types they turn out to have.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::fmt;

/// Bytes of text, and values, that one record may keep; real ones have a few hundred.
const MOST_OF_RECORD: usize = 64 << 10;

/// Bytes of one text that are kept: more than a description shows.
const LONGEST_TEXT: usize = 4 << 10;

/// What one value counts besides its text.
const COST_OF_VALUE: usize = 32;

/// A JSON value, as far as it was wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Node {
    /// Absent, null, or not wanted.
    #[default]
    Nothing,
    Truth(bool),
    Whole(i64),
    Decimal(f64),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(&'static str, Self)>),
}

impl Node {
    /// A member of an object; of a list, that of its first object.
    pub fn get(&self, name: &str) -> &Self {
        const NOTHING: &Node = &Node::Nothing;
        match self {
            Self::Object(members) => members.iter().find(|(known, _)| *known == name).map_or(NOTHING, |(_, node)| node),
            Self::List(items) => items.first().map_or(NOTHING, |first| match first {
                Self::List(_) => NOTHING,
                first => first.get(name),
            }),
            _ => NOTHING,
        }
    }

    /// The first of several members that is there.
    pub fn any(&self, names: &[&str]) -> &Self {
        const NOTHING: &Node = &Node::Nothing;
        names.iter().map(|name| self.get(name)).find(|node| **node != Self::Nothing).unwrap_or(NOTHING)
    }

    pub fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    /// Text that says something, without the space around it.
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text.trim()).filter(|text| !text.is_empty()) } else { None }
    }

    /// The same to keep.
    pub fn owned(&self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    /// What identifies something: text, or a whole number as text.
    pub fn word(&self) -> Option<String> {
        match self {
            Self::Whole(number) => Some(number.to_string()),
            _ => self.owned(),
        }
    }

    pub fn is_true(&self) -> bool {
        *self == Self::Truth(true)
    }

    /// A number, also one in quotes; never NaN or infinite.
    pub fn number(&self) -> Option<f64> {
        let number = match self {
            #[expect(clippy::cast_precision_loss, reason = "what is measured is far below 2^53")]
            Self::Whole(number) => *number as f64,
            Self::Decimal(number) => *number,
            _ => self.text()?.parse().ok()?,
        };
        Some(number).filter(|number| number.is_finite())
    }

    /// A number above zero: zero is how many write that nothing was measured.
    pub fn positive(&self) -> Option<f64> {
        self.number().filter(|number| *number > 0.0)
    }

    /// A whole number, also one in quotes or with a fraction to be rounded.
    pub fn whole(&self) -> Option<i64> {
        match self {
            Self::Whole(number) => Some(*number),
            Self::Text(text) if text.trim().parse::<i64>().is_ok() => text.trim().parse().ok(),
            _ => self.number().and_then(crate::formats::number::rounded),
        }
    }

    /// Bytes of text in it.
    pub fn text_len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::List(items) => items.iter().map(Self::text_len).sum(),
            Self::Object(members) => members.iter().map(|(_, node)| node.text_len()).sum(),
            _ => 0,
        }
    }
}

/// Sets a member; of several with one name the last counts.
pub fn put(members: &mut Vec<(&'static str, Node)>, name: &'static str, value: Node) {
    match members.iter_mut().find(|(known, _)| *known == name) {
        Some((_, node)) => *node = value,
        None => members.push((name, value)),
    }
}

/// What a record may still keep.
pub struct Budget(Cell<usize>);

impl Default for Budget {
    fn default() -> Self {
        Self(Cell::new(MOST_OF_RECORD))
    }
}

impl Budget {
    fn spend(&self, cost: usize) -> bool {
        let left = self.0.get().checked_sub(cost);
        self.0.set(left.unwrap_or_default());
        left.is_some()
    }
}

/// Takes a value for what it is and keeps the members with these names.
pub struct Keep<'b> {
    pub names: &'static [&'static str],
    pub budget: &'b Budget,
}

impl<'de> DeserializeSeed<'de> for Keep<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        if self.budget.spend(COST_OF_VALUE) {
            deserializer.deserialize_any(self)
        } else {
            deserializer.deserialize_ignored_any(IgnoredAny)?;
            Ok(Node::Nothing)
        }
    }
}

impl<'de> Visitor<'de> for Keep<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Truth(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Whole(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(i64::try_from(value).map_or_else(|_| Node::Text(value.to_string()), Node::Whole))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Decimal(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        let value = &value[..value.floor_char_boundary(LONGEST_TEXT)];
        Ok(if self.budget.spend(value.len()) { Node::Text(value.to_owned()) } else { Node::Nothing })
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Keep { ..self })? {
            if item != Node::Nothing {
                list.push(item);
            }
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key_seed(Name(&[self.names]))? {
            match name {
                Some(name) => {
                    let value = map.next_value_seed(Keep { ..self })?;
                    put(&mut members, name, value);
                }
                None => {
                    let IgnoredAny = map.next_value()?;
                }
            }
        }
        Ok(Node::Object(members))
    }
}

/// The name of a member, if it is one of these.
pub struct Name<'a>(pub &'a [&'static [&'static str]]);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<&'static str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().copied().flatten().copied().find(|known| *known == name))
    }
}
