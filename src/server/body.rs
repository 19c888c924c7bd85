//! Receives the body of a request: bounded in bytes and time, unpacked, and only if it claims to be JSON.

use super::error::ApiError;
use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, header};
use flate2::read::MultiGzDecoder;
use std::future::poll_fn;
use std::io::Read;
use std::pin::Pin;
use std::time::Duration;

/// Bytes of a request's body, also unpacked; a session with a very long description has a few thousand.
pub const LONGEST_BODY: usize = 256 << 10;

/// Bytes that are received, and thrown away, of a body that is too long: most clients look at an answer only once they have
/// sent all of it.
const LONGEST_RECEIVED: usize = 16 << 20;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

pub async fn receive(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, ApiError> {
    if !claims_json(headers) {
        return Err(ApiError::unsupported("The Content-Type of a session is application/json."));
    }
    let packed = is_packed(headers)?;
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    // Whoever waits for a 100 before sending is told without being asked for it.
    let waits = headers.contains_key(header::EXPECT);
    if announced > LONGEST_RECEIVED || announced > LONGEST_BODY && waits {
        return Err(ApiError::too_large(LONGEST_BODY));
    }
    let received = tokio::time::timeout(BODY_TIMEOUT, read(body)).await;
    let bytes = received.map_err(|_| ApiError::timeout())??;
    if packed { unpack(&bytes) } else { Ok(bytes) }
}

async fn read(mut body: Body) -> Result<Vec<u8>, ApiError> {
    let (mut bytes, mut length) = (Vec::new(), 0);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame =
            frame.map_err(|_| ApiError::invalid("The body broke off, or its chunks are not what HTTP says."))?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length <= LONGEST_BODY {
            bytes.extend_from_slice(&data);
        } else if length > LONGEST_RECEIVED {
            break;
        }
    }
    if length > LONGEST_BODY { Err(ApiError::too_large(LONGEST_BODY)) } else { Ok(bytes) }
}

/// Without a Content-Type it is taken for what it must be.
fn claims_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json") || essence.to_ascii_lowercase().ends_with("+json")
}

/// The header may come several times, and have several values.
fn is_packed(headers: &HeaderMap) -> Result<bool, ApiError> {
    let unknown = || ApiError::unsupported("The only Content-Encoding is gzip, once.");
    let mut packed = false;
    for value in headers.get_all(header::CONTENT_ENCODING) {
        for coding in value.to_str().map_err(|_| unknown())?.split(',').map(str::trim) {
            if coding.eq_ignore_ascii_case("gzip") && !packed {
                packed = true;
            } else if !coding.is_empty() && !coding.eq_ignore_ascii_case("identity") {
                return Err(unknown());
            }
        }
    }
    Ok(packed)
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>, ApiError> {
    let mut unpacked = Vec::new();
    let limit = u64::try_from(LONGEST_BODY).unwrap_or(u64::MAX);
    let mut decoder = MultiGzDecoder::new(bytes).take(limit + 1);
    match decoder.read_to_end(&mut unpacked) {
        Ok(length) if length > LONGEST_BODY => Err(ApiError::too_large(LONGEST_BODY)),
        Ok(_) => Ok(unpacked),
        Err(_) => Err(ApiError::invalid("The body is not the gzip that its Content-Encoding says.")),
    }
}
