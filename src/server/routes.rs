//! The routes of `users.sessions`, and who may use them.

use super::database::{Database, LARGEST_LIST, ListError};
use super::error::ApiError;
use super::validate::{self, Query};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use jiff::Timestamp;
use std::time::Duration;

/// Bytes of a request's body; a session with a very long description has a few thousand.
const LONGEST_BODY: usize = 256 << 10;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

pub fn router(database: Database) -> Router {
    Router::new()
        .route("/fitness/v1/users/{user}/sessions", get(list))
        .route("/fitness/v1/users/{user}/sessions/{id}", put(update).delete(delete))
        .fallback(|| async { ApiError::not_found() })
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
        .with_state(database)
}

async fn update(
    State(database): State<Database>,
    Path((user, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let user = authenticate(&database, &headers, &user)?;
    let body = tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, LONGEST_BODY))
        .await
        .map_err(|_| ApiError::timeout())?
        .map_err(|_| ApiError::too_large(LONGEST_BODY))?;
    let session = validate::session(&id, &body)?;
    let stored = database.put(user, session, Timestamp::now()).await.map_err(|error| unavailable(&error))?;
    Ok(json(stored))
}

async fn list(
    State(database): State<Database>,
    Path(user): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let user = authenticate(&database, &headers, &user)?;
    let query = Query::parse(query.as_deref().unwrap_or_default())?;
    match database.list(user, query, Timestamp::now()).await {
        Ok(list) => Ok(json(list)),
        Err(ListError::TooMany) => {
            Err(ApiError::invalid(format!("Session limit of {LARGEST_LIST} exceeded. Ask for a smaller window.")))
        }
        Err(ListError::Failed(error)) => Err(unavailable(&error)),
    }
}

async fn delete(
    State(database): State<Database>,
    Path((user, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let user = authenticate(&database, &headers, &user)?;
    match database.delete(user, id, Timestamp::now()).await {
        Ok(true) => Ok(StatusCode::OK.into_response()),
        Ok(false) => Err(ApiError::not_found()),
        Err(error) => Err(unavailable(&error)),
    }
}

/// The user whose token the request carries; the path may only speak of that user, as `me`.
fn authenticate(database: &Database, headers: &HeaderMap, path_user: &str) -> Result<i64, ApiError> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let user = token.and_then(|token| database.user(token)).ok_or_else(ApiError::unauthorized)?;
    if path_user != "me" {
        return Err(ApiError::forbidden("Only me is supported as the user."));
    }
    Ok(user)
}

fn json(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json; charset=UTF-8")], body).into_response()
}

fn unavailable(error: &crate::sqlite::Error) -> ApiError {
    crate::events::server_store_failed(error);
    ApiError::unavailable("The session could not be stored or read; try again later.")
}
