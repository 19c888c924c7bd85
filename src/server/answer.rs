//! The form of an answer: which members, how spaced, packed or not.

use super::budget::Share;
use super::discovery;
use super::error::ApiError;
use super::fields::Fields;
use super::query::boolean;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use std::io::Write;

/// Shorter bodies do not become shorter by packing.
const WORTH_PACKING: usize = 1000;

/// Longer bodies are shaped on a thread of their own, so that nobody else waits for it.
const LONGEST_INLINE: usize = 64 << 10;

pub const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=UTF-8");

/// The parameters that every method of Google's APIs takes and that concern the form of the answer. Others are ignored.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    fields: Option<Fields>,
    pretty: bool,
    pack: bool,
}

impl Form {
    pub fn parse(query: &str, headers: &HeaderMap) -> Result<Self, ApiError> {
        let mut form = Self { fields: None, pretty: true, pack: accepts_gzip(headers) };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "alt" if value != "json" => {
                    return Err(ApiError::invalid(format!("Invalid alt \"{value}\": only json is supported.")));
                }
                "prettyPrint" => form.pretty = boolean(&name, &value)?,
                "fields" if value.is_empty() => {}
                "fields" => {
                    let fields = Fields::parse(&value);
                    let fields = fields.ok_or_else(|| ApiError::invalid_fields(&value))?;
                    // Before anything is written: a refusal has to mean that nothing was done.
                    if let Some(unknown) = fields.unknown(&discovery::is_member) {
                        return Err(ApiError::invalid_fields(unknown));
                    }
                    form.fields = Some(fields);
                }
                _ => {}
            }
        }
        Ok(form)
    }

    /// `body` is compact JSON; `share` is the memory that is set aside for it, if any.
    pub async fn answer(self, body: String, share: Option<Share>) -> Result<Response, ApiError> {
        if body.len() <= LONGEST_INLINE {
            return self.shape(body, share);
        }
        let shaping = tokio::task::spawn_blocking(move || self.shape(body, share));
        shaping.await.unwrap_or_else(|error| Err(ApiError::internal(&error)))
    }

    fn shape(&self, body: String, share: Option<Share>) -> Result<Response, ApiError> {
        let buffer = || share.as_ref().map(Share::buffer).unwrap_or_default().into_bytes();
        let mut body = self.shaped(body, buffer)?;
        let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, JSON)]);
        if self.pack && body.len() >= WORTH_PACKING {
            body = packed(&body, buffer());
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        let body = match share {
            Some(share) => share.hold(body),
            None => body.into(),
        };
        Ok((headers, body).into_response())
    }

    fn shaped(&self, body: String, buffer: impl Fn() -> Vec<u8>) -> Result<Vec<u8>, ApiError> {
        if !self.pretty && self.fields.is_none() {
            return Ok(body.into_bytes());
        }
        let mut value: Value = serde_json::from_str(&body).map_err(|error| ApiError::internal(&error))?;
        // Both are large.
        drop(body);
        if let Some(fields) = &self.fields {
            fields.apply(&mut value);
        }
        let mut text = buffer();
        let written = if self.pretty {
            serde_json::to_writer_pretty(&mut text, &value)
        } else {
            serde_json::to_writer(&mut text, &value)
        };
        written.map(|()| text).map_err(|error| ApiError::internal(&error))
    }
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse() == Ok(0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

fn packed(body: &[u8], buffer: Vec<u8>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(buffer, Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_ask() {
        let accepts = |value: &'static str| {
            accepts_gzip(&[(header::ACCEPT_ENCODING, HeaderValue::from_static(value))].into_iter().collect())
        };
        assert!(accepts("gzip") && accepts("deflate, GZIP;q=0.5"));
        assert!(!accepts("") && !accepts("identity") && !accepts("gzip;q=0") && !accepts("gzip;q=0.0, br"));
    }

    #[test]
    fn forms() {
        let form = |query: &str| Form::parse(query, &HeaderMap::new());
        let shaped = |query: &str| {
            let shaped = form(query).unwrap().shaped(r#"{"id":"b","name":"a"}"#.to_owned(), Vec::new).unwrap();
            String::from_utf8(shaped).unwrap()
        };
        assert_eq!(shaped("prettyPrint=false"), r#"{"id":"b","name":"a"}"#);
        assert_eq!(shaped(""), "{\n  \"id\": \"b\",\n  \"name\": \"a\"\n}");
        assert_eq!(shaped("prettyPrint=false&fields=name&alt=json&key=x&quotaUser=y"), r#"{"name":"a"}"#);
        for query in ["alt=media", "prettyPrint=perhaps", "fields=a(", "fields=session/nmae"] {
            assert!(form(query).is_err(), "{query}");
        }
    }
}
