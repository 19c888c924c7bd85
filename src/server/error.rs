//! Refusals in the shape that Google's APIs give them.

use super::answer::JSON;
use crate::{events, sqlite};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::fmt::Display;

const CHALLENGE: &str = "Bearer realm=\"fitferry\"";

/// A refusal: what HTTP says, what the body says, and to whom it is a fault.
#[derive(Debug, PartialEq)]
pub struct ApiError {
    status: StatusCode,
    reason: &'static str,
    name: &'static str,
    message: String,
}

impl ApiError {
    fn new(status: StatusCode, reason: &'static str, name: &'static str, message: impl Into<String>) -> Self {
        Self { status, reason, name, message: message.into() }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalidArgument", "INVALID_ARGUMENT", message)
    }

    pub fn invalid_fields(what: &str) -> Self {
        let message = format!("Invalid field selection {what}");
        Self::new(StatusCode::BAD_REQUEST, "invalidParameter", "INVALID_ARGUMENT", message)
    }

    pub fn unauthorized() -> Self {
        let message = "Request had invalid authentication credentials: a bearer token of this server is needed.";
        Self::new(StatusCode::UNAUTHORIZED, "authError", "UNAUTHENTICATED", message)
    }

    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "PERMISSION_DENIED", message)
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "notFound", "NOT_FOUND", "Not Found")
    }

    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "httpMethodNotAllowed", "UNIMPLEMENTED", "Method Not Allowed")
    }

    pub fn too_large(limit: usize) -> Self {
        let message = format!("Request body exceeds {limit} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "uploadTooLarge", "INVALID_ARGUMENT", message)
    }

    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupportedMediaType", "INVALID_ARGUMENT", message)
    }

    pub fn timeout() -> Self {
        let message = "The request body did not arrive in time.";
        Self::new(StatusCode::REQUEST_TIMEOUT, "requestTimeout", "DEADLINE_EXCEEDED", message)
    }

    /// What the HTTP library did not take for a request.
    pub fn unreadable(status: StatusCode) -> Self {
        let message = match status {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "The head of the request is too large.",
            StatusCode::URI_TOO_LONG => "The address is too long.",
            _ => "The request is not HTTP.",
        };
        Self::new(status, "badRequest", "INVALID_ARGUMENT", message)
    }

    /// A mistake of ours.
    pub fn internal(error: &impl Display) -> Self {
        events::server_fault(error);
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "backendError", "INTERNAL", "Internal error encountered.")
    }
}

/// Nothing the client did; the disk is full or failing, which the log knows. It may try again.
impl From<sqlite::Error> for ApiError {
    fn from(_: sqlite::Error) -> Self {
        let message = "The session could not be stored or read; try again later.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "backendError", "UNAVAILABLE", message)
    }
}

impl ApiError {
    /// As JSON.
    pub fn body(&self) -> String {
        let body = json!({"error": {
            "code": self.status.as_u16(),
            "message": self.message,
            "errors": [{"message": self.message, "domain": "global", "reason": self.reason}],
            "status": self.name,
        }});
        body.to_string()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, [(header::CONTENT_TYPE, JSON)], self.body()).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            // With a parameter, as a bare scheme is more than Google's client for Python can read.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
        }
        response
    }
}
