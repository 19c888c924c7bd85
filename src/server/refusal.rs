//! Gives a body to the refusals of the HTTP library, which has none for what it cannot read: clients look for Google's.

use super::error::ApiError;
use axum::http::StatusCode;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How each of the library's refusals begins and what is in it; no answer of ours is both a refusal and empty.
const BEGINNING: &[u8] = b"HTTP/1.1 4";
const EMPTY: &[u8] = b"\r\ncontent-length: 0\r\n";

/// A connection on which such a refusal is replaced.
pub struct Explained<S> {
    stream: S,
    /// What is sent in its place, as far as it was not yet, and how long it was itself.
    instead: Option<(Vec<u8>, usize)>,
}

impl<S: AsyncWrite + Unpin> Explained<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, instead: None }
    }

    /// Writes what stands in for a refusal; `None` if this is none.
    fn replace(&mut self, context: &mut Context<'_>, head: &[u8]) -> Poll<Option<io::Result<usize>>> {
        if self.instead.is_none() {
            self.instead = instead_of(head).map(|instead| (instead, head.len()));
        }
        let Some((instead, length)) = &mut self.instead else { return Poll::Ready(None) };
        while !instead.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(context, instead)) {
                Ok(0) => return Poll::Ready(Some(Err(io::ErrorKind::WriteZero.into()))),
                Ok(written) => drop(instead.drain(..written)),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        let length = *length;
        self.instead = None;
        Poll::Ready(Some(Ok(length)))
    }
}

fn instead_of(head: &[u8]) -> Option<Vec<u8>> {
    let is_empty = || head.windows(EMPTY.len()).any(|window| window == EMPTY);
    if !(head.starts_with(BEGINNING) && head.ends_with(b"\r\n\r\n") && is_empty()) {
        return None;
    }
    let code = std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()?;
    let body = ApiError::unreadable(StatusCode::from_u16(code).ok()?).body();
    let head = std::str::from_utf8(head).ok()?;
    let headers = format!("\r\ncontent-type: application/json; charset=UTF-8\r\ncontent-length: {}\r\n", body.len());
    Some((head.replacen("\r\ncontent-length: 0\r\n", &headers, 1) + &body).into_bytes())
}

impl<S: AsyncRead + Unpin> AsyncRead for Explained<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Explained<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        match ready!(self.replace(context, buffer)) {
            Some(written) => Poll::Ready(written),
            None => Pin::new(&mut self.stream).poll_write(context, buffer),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A refusal has no body, so its head comes alone.
        if let [head] = buffers
            && let Some(written) = ready!(self.replace(context, head))
        {
            return Poll::Ready(written);
        }
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn only_what_says_nothing_is_replaced() {
        let empty =
            "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n";
        let text = String::from_utf8(instead_of(empty.as_bytes()).unwrap()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\ndate: x", body.len())), "{head}");
        assert_eq!(serde_json::from_str::<Value>(body).unwrap()["error"]["code"], 431);
        for other in [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 10\r\n\r\n0123456789",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n",
            "",
        ] {
            assert_eq!(instead_of(other.as_bytes()), None, "{other}");
        }
    }
}
