//! Partial responses: the `fields` parameter of Google's APIs, which names the members that the client wants.
//!
//! Facts: the syntax of Google's "partial response" documentation: `a,b`, `a/b`, `a(b,c)`, `*`.

use serde_json::Value;
use std::collections::BTreeMap;

/// Members that are wanted, and which parts of them; without parts, all of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(BTreeMap<String, Fields>);

/// Nesting that makes sense is three deep; this many is a prank.
const DEEPEST: usize = 10;

impl Fields {
    /// `None` if it is not of that syntax.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let fields = Self::list(&mut rest, 0)?;
        rest.is_empty().then_some(fields)
    }

    fn list(rest: &mut &str, depth: usize) -> Option<Self> {
        let mut fields = Self::default();
        loop {
            let (name, parts) = Self::one(rest, depth)?;
            fields.add(name, parts);
            match rest.strip_prefix(',') {
                Some(after) => *rest = after,
                None => return Some(fields),
            }
        }
    }

    fn one(rest: &mut &str, depth: usize) -> Option<(String, Self)> {
        if depth > DEEPEST {
            return None;
        }
        let text = *rest;
        let end = text.find([',', '/', '(', ')']).unwrap_or(text.len());
        let name = text[..end].trim();
        let is_name = !name.is_empty() && (name == "*" || name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        if !is_name {
            return None;
        }
        *rest = &text[end..];
        let parts = if let Some(after) = rest.strip_prefix('/') {
            *rest = after;
            let (name, parts) = Self::one(rest, depth + 1)?;
            Self([(name, parts)].into())
        } else if let Some(after) = rest.strip_prefix('(') {
            *rest = after;
            let parts = Self::list(rest, depth + 1)?;
            *rest = rest.strip_prefix(')')?;
            parts
        } else {
            Self::default()
        };
        Some((name.to_owned(), parts))
    }

    /// The same member named twice: the union, and all of it if one of them wants all.
    fn add(&mut self, name: String, parts: Self) {
        match self.0.get_mut(&name) {
            None => drop(self.0.insert(name, parts)),
            Some(present) if present.0.is_empty() || parts.0.is_empty() => present.0.clear(),
            Some(present) => parts.0.into_iter().for_each(|(name, parts)| present.add(name, parts)),
        }
    }

    /// A name that no answer has: a typo, which Google's APIs refuse.
    pub fn unknown(&self, known: &dyn Fn(&str) -> bool) -> Option<&str> {
        self.0.iter().find_map(
            |(name, parts)| {
                if name != "*" && !known(name) { Some(name.as_str()) } else { parts.unknown(known) }
            },
        )
    }

    /// Leaves only what is wanted.
    pub fn apply(&self, value: &mut Value) {
        if self.0.is_empty() {
            return;
        }
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.apply(item)),
            Value::Object(members) => {
                members.retain(|name, _| self.wanted(name).is_some());
                for (name, value) in members {
                    if let Some(parts) = self.wanted(name) {
                        parts.apply(value);
                    }
                }
            }
            _ => {}
        }
    }

    fn wanted(&self, name: &str) -> Option<&Self> {
        self.0.get(name).or_else(|| self.0.get("*"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn filtered(fields: &str) -> Value {
        let mut value = json!({
            "session": [{"id": "a", "name": "n", "application": {"name": "x", "version": "1"}}, {"id": "b"}],
            "nextPageToken": "t",
        });
        Fields::parse(fields).unwrap().apply(&mut value);
        value
    }

    #[test]
    fn only_what_is_named_stays() {
        assert_eq!(filtered("nextPageToken"), json!({"nextPageToken": "t"}));
        assert_eq!(filtered("session/id"), json!({"session": [{"id": "a"}, {"id": "b"}]}));
        let some = json!({"session": [{"id": "a", "application": {"name": "x"}}, {"id": "b"}], "nextPageToken": "t"});
        assert_eq!(filtered("session(id,application/name),nextPageToken"), some);
        assert_eq!(filtered("session/id,session/application(name)")["session"], some["session"]);
        assert_eq!(filtered("*"), filtered("session,nextPageToken"));
        assert_eq!(filtered("session/id,session")["session"][0]["name"], "n");
        assert_eq!(filtered("*/name"), json!({"session": [{"name": "n"}, {}], "nextPageToken": "t"}));
    }

    #[test]
    fn nonsense_is_no_mask() {
        for text in
            ["", ",", "a,", "a(", "a)", "a()", "a(b", "a//b", "/a", "a b", "ü", &"a(".repeat(1000), &"a/".repeat(1000)]
        {
            assert_eq!(Fields::parse(text), None, "{text}");
        }
        let typo = Fields::parse("session/typo").unwrap();
        assert_eq!(typo.unknown(&|name| name != "typo"), Some("typo"));
        assert_eq!(Fields::parse("session/id,*").unwrap().unknown(&|name| name != "typo"), None);
    }
}
