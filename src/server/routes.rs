//! The routes of `users.sessions`, and who may use them.

use super::answer::{Form, JSON};
use super::body;
use super::database::{Database, List};
use super::discovery;
use super::error::ApiError;
use super::guests::Guest;
use super::list::{LARGEST_LIST, Refusal};
use super::query::Query;
use super::validate;
use crate::crash;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Extension, Router};
use jiff::Timestamp;

/// A path whose percent-encoding may turn out not to be UTF-8.
type Parts<T> = Result<Path<T>, PathRejection>;

pub fn router(database: Database) -> Router {
    Router::new()
        .route("/fitness/v1/users/{user}/sessions", get(list))
        .route("/fitness/v1/users/{user}/sessions/{id}", put(update).delete(delete))
        .route("/$discovery/rest", get(describe))
        // The same address, as some clients spell it.
        .route("/%24discovery/rest", get(describe))
        .route("/healthz", get(health))
        .fallback(|| async { ApiError::not_found() })
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
        .with_state(database)
}

async fn update(
    State(database): State<Database>,
    Extension(guest): Extension<Guest>,
    path: Parts<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let (user, id) = parts(path)?;
    let user = authenticate(&database, &guest, &headers, &user).await?;
    let form = Form::parse(query.as_deref().unwrap_or_default(), &headers)?;
    let session = validate::session(&id, &body::receive(&headers, body).await?)?;
    let stored = database.put(user, session, Timestamp::now()).await?;
    crash::point("server.put");
    form.answer(stored, None).await
}

async fn list(
    State(database): State<Database>,
    Extension(guest): Extension<Guest>,
    path: Parts<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let user = authenticate(&database, &guest, &headers, &parts(path)?).await?;
    let query = query.as_deref().unwrap_or_default();
    let form = Form::parse(query, &headers)?;
    match database.list(user, Query::parse(query)?, Timestamp::now()).await? {
        Ok(List { json, share }) => form.answer(json, share).await,
        Err(Refusal::TooMany | Refusal::Long) => {
            Err(ApiError::invalid(format!("Session limit of {LARGEST_LIST} exceeded. Ask for a smaller window.")))
        }
        Err(Refusal::UnknownToken) => Err(ApiError::invalid("Invalid pageToken.")),
    }
}

async fn delete(
    State(database): State<Database>,
    Extension(guest): Extension<Guest>,
    path: Parts<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (user, id) = parts(path)?;
    let user = authenticate(&database, &guest, &headers, &user).await?;
    Form::parse(query.as_deref().unwrap_or_default(), &headers)?;
    match database.delete(user, id, Timestamp::now()).await? {
        true => {
            crash::point("server.deleted");
            Ok(StatusCode::OK.into_response())
        }
        false => Err(ApiError::not_found()),
    }
}

/// Whether the database answers. Needs no token, and tells nothing else.
async fn health(State(database): State<Database>) -> Result<&'static str, ApiError> {
    database.check().await?;
    Ok("ok\n")
}

/// Needs no token: generic clients ask before they have one, and it tells nothing of anybody.
async fn describe(RawQuery(query): RawQuery, headers: HeaderMap) -> Result<Response, ApiError> {
    let query = query.unwrap_or_default();
    let version = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "version");
    if version.is_some_and(|(_, version)| version != "v1") {
        return Err(ApiError::not_found());
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    // Whoever does TLS in front of us says so; clients must not be sent around it.
    let is_https = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme.as_bytes() == b"https");
    let scheme = if is_https { "https" } else { "http" };
    Ok(([(header::CONTENT_TYPE, JSON)], discovery::document(scheme, host)).into_response())
}

fn parts<T>(path: Parts<T>) -> Result<T, ApiError> {
    match path {
        Ok(Path(parts)) => Ok(parts),
        Err(_) => Err(ApiError::invalid("The path is not percent-encoded UTF-8.")),
    }
}

/// The user whose token the request carries; the path may only speak of that user, as `me`.
async fn authenticate(
    database: &Database,
    guest: &Guest,
    headers: &HeaderMap,
    path_user: &str,
) -> Result<i64, ApiError> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let token = token.ok_or_else(ApiError::unauthorized)?;
    let user = database.user(token).await?.ok_or_else(ApiError::unauthorized)?;
    guest.welcome();
    if path_user != "me" {
        return Err(ApiError::forbidden("Only me is supported as the user."));
    }
    Ok(user)
}
