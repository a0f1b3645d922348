//! A caching reverse proxy of some lines: `cargo run --example proxy -- --port 8080 --origin http://127.0.0.1:8000`.
//!
//! It is a shared cache, as the suite at <https://github.com/http-tests/cache-tests> takes one: point its `--base` here and
//! its server at the origin's port.

#![expect(clippy::print_stdout, reason = "it says where it listens")]

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use futures_util::stream;
use tickety_http::{Client, Retry};

/// What requests are answered with.
#[derive(Clone)]
struct Proxy {
    client: Client,
    origin: String,
}

/// The largest body of a request, in bytes.
const LARGEST: usize = 16 << 20;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (mut port, mut origin) = (8080_u16, "http://127.0.0.1:8000".to_owned());
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--port" => port = value.parse()?,
            "--origin" => origin = value.trim_end_matches('/').to_owned(),
            _ => return Err(format!("unknown option {name}; there are --port and --origin").into()),
        }
    }
    let client = Client::builder()
        .shared()
        // What the origin marks as fresh is so for all, cookies or not: the proxy knows no users.
        .store_cookies(true)
        .targeted([HeaderName::from_static("cdn-cache-control")])
        .stale_if_error(Duration::from_secs(60))
        // A proxy hands on what it gets: redirects, and failures for its clients to try again.
        .redirects(0)
        .retry(Retry::never())
        .build()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{} answers for {origin}", listener.local_addr()?);
    let proxy = Proxy { client, origin };
    axum::serve(listener, Router::new().fallback(answer).with_state(proxy)).await?;
    Ok(())
}

/// Answers a request from the cache or the origin.
async fn answer(State(proxy): State<Proxy>, request: Request) -> Response {
    match pass(&proxy, request).await {
        Ok(response) => response,
        Err(error) => {
            let mut response = Response::new(Body::from(format!("{error}\n")));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    }
}

async fn pass(proxy: &Proxy, request: Request) -> Result<Response, Box<dyn std::error::Error>> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = format!("{}{path}", proxy.origin).parse::<Uri>()?;
    strip_connection(&mut parts.headers);
    for name in [header::HOST, header::CONTENT_LENGTH] {
        parts.headers.remove(name);
    }
    let body: Bytes = axum::body::to_bytes(body, LARGEST).await?;
    let answer = proxy.client.execute(Request::from_parts(parts, body)).await?;

    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    let status = HeaderValue::from_str(&format!("tickety; {}", answer.cache()))?;
    response.headers_mut().append("cache-status", status);
    if !response.headers().contains_key(header::VIA) {
        response.headers_mut().insert(header::VIA, HeaderValue::from_static("1.1 tickety"));
    }
    *response.body_mut() = match answer.whole() {
        Some(whole) => Body::from(whole.clone()),
        None => Body::from_stream(stream::unfold(answer, async |mut answer| {
            let chunk = answer.chunk().await.transpose()?;
            Some((chunk, answer))
        })),
    };
    Ok(response)
}

/// Removes the fields that are for the connection to the client.
fn strip_connection(headers: &mut HeaderMap) {
    let listed: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(',').map(|name| name.trim().to_owned()))
        .collect();
    let known = ["connection", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "upgrade"];
    for name in known.iter().copied().chain(listed.iter().map(String::as_str)) {
        headers.remove(name);
    }
    headers.remove(header::TRANSFER_ENCODING);
}
