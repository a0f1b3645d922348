//! What happens, told as it happens: server-sent events.
//!
//! A client is told everything after its cursor exactly once, and holds no memory that grows: what the bus has for it is
//! bounded, and where that wasn't enough it is read from the log. Who doesn't read what was sent is given up by the
//! [listener](crate::listener).

use std::fmt::Write as _;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State as At;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use hyper::body::Frame;
use serde::Deserialize;
use serde_json::json;
use tickety_api::{ErrorCode, Event};
use tickety_core::event::EventType;
use tickety_engine::events::{EventBus, Heard, Subscription};
use tickety_store::{EventCursor, LoggedEvent, Position, StorageError};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use utoipa::IntoParams;

use crate::extract::Parameters;
use crate::problem::Problem;
use crate::state::State;

/// When something is sent after the last thing that was, so that both sides see whether the other is there.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// When a client is to come back after its connection was lost, in milliseconds.
const RETRY: u32 = 2_000;

/// How many events are read from the log at once.
const PAGE: usize = 500;

/// How many pieces wait to be sent to a client.
const PIECES: usize = 4;

/// A piece with more bytes than this isn't added to.
const PIECE: usize = 16 << 10;

/// How many clients a project has at a time.
const CLIENTS: usize = 1_000;

/// The header with the cursor of a client that comes back.
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The type of the body.
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// The parameters of a stream.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamParameters {
    /// What came after the event of this cursor; `start` for all that is kept. What comes from now on where absent. The
    /// header `Last-Event-ID` says it better.
    since: Option<String>,
    /// These types only, with commas between them.
    types: Option<String>,
}

/// Tells what happens as it happens, until somebody ends it.
///
/// Server-sent events: each has its cursor as the id, and as data what `GET /events` has for it. The message `gone`
/// (`cursor`, `oldest`) says that the log no longer has all that came after the cursor, and goes on with what there is;
/// `missed` (`damaged`) counts entries that can't be read.
#[utoipa::path(
    get,
    path = "/events/stream",
    tag = "events",
    operation_id = "followEvents",
    params(StreamParameters),
    responses((
        status = 200,
        description = "The events, until the client or the server ends it",
        content_type = "text/event-stream",
        body = String
    ))
)]
pub(crate) async fn follow(
    At(state): At<State>,
    headers: HeaderMap,
    Parameters(StreamParameters { since, types }): Parameters<StreamParameters>,
) -> Result<Response, Problem> {
    let bus = state.project.bus.clone().ok_or_else(|| {
        Problem::new(ErrorCode::NoRoute, "this server tells of no events as they happen").hint("GET /events has them")
    })?;
    let from = match (headers.get(LAST_EVENT_ID), since.as_deref()) {
        (Some(id), _) => {
            let text = id.to_str().map_err(|_| Problem::new(ErrorCode::BadCursor, "the last event id is no cursor"))?;
            // A client that has heard of nothing yet.
            if text.is_empty() { Position::Newest } else { Position::After(cursor(text)?) }
        }
        (None, Some("start")) => Position::Oldest,
        (None, Some(text)) => Position::After(cursor(text)?),
        (None, None) => Position::Newest,
    };
    let types: Vec<EventType> = match &types {
        None => Vec::new(),
        Some(names) => names.split(',').map(event_type).collect::<Result<_, _>>()?,
    };
    if bus.subscribers() >= CLIENTS {
        return Err(Problem::new(ErrorCode::Busy, format_args!("{CLIENTS} clients follow the events already")));
    }
    // Before the log is read, so that nothing comes between the two.
    let subscription = bus.subscribe();
    let (sender, receiver) = mpsc::channel(PIECES);
    let teller = Teller { state, bus, types, sender, due: Instant::now() + HEARTBEAT };
    // Before the answer, so that whoever gets it and then writes hears of that.
    let at = match from {
        Position::After(cursor) => cursor,
        from => teller.page(from, 0).await?.next,
    };
    tokio::spawn(teller.tell(at, subscription));
    let mut response = Response::new(Body::new(Pieces(receiver)));
    response.headers_mut().insert(header::CONTENT_TYPE, EVENT_STREAM);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies would collect what is to be sent at once.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn cursor(text: &str) -> Result<EventCursor, Problem> {
    EventCursor::from_str(text).map_err(|error| Problem::new(ErrorCode::BadCursor, error).of_parameter("since"))
}

fn event_type(name: &str) -> Result<EventType, Problem> {
    name.parse().map_err(|error| Problem::new(ErrorCode::BadValue, error).of_parameter("types"))
}

/// Tells one client.
struct Teller {
    state: State,
    bus: Arc<EventBus>,
    types: Vec<EventType>,
    sender: mpsc::Sender<Bytes>,
    /// When something has to be sent, whatever happens.
    due: Instant,
}

/// The client has gone, or the server ends.
struct Over;

impl Teller {
    async fn tell(mut self, at: EventCursor, subscription: Subscription) {
        let (closing, sender) = (self.state.project.closing.clone(), self.sender.clone());
        tokio::select! {
            biased;
            () = closing.begun() => {}
            () = sender.closed() => {}
            _ = self.go_on(at, &subscription) => {}
        }
    }

    async fn go_on(&mut self, mut at: EventCursor, subscription: &Subscription) -> Result<(), Over> {
        self.send(format!("retry: {RETRY}\nid: {at}\n\n")).await?;
        at = self.read_log(at).await?;
        loop {
            let heard = tokio::select! {
                // First, so that it comes also where what happens is hidden and never ends.
                biased;
                () = sleep_until(self.due) => {
                    self.beat(at).await?;
                    continue;
                }
                heard = subscription.next() => heard,
            };
            match heard {
                Heard::Event(event) if event.cursor.epoch == at.epoch => {
                    // The log had some of it already.
                    if event.cursor.sequence > at.sequence {
                        at = event.cursor;
                        let mut piece = String::new();
                        self.write(&mut piece, &event);
                        self.send(piece).await?;
                    }
                }
                // More came than waited for us, or the log is another one.
                Heard::Event(_) | Heard::Missed => at = self.read_log(at).await?,
            }
        }
    }

    /// Says how far one has come: the types may have hidden much of what happened.
    async fn beat(&mut self, at: EventCursor) -> Result<(), Over> {
        self.send(format!(":\nid: {at}\n\n")).await
    }

    /// Tells all that the log has after a cursor. Returns where it ends.
    async fn read_log(&mut self, mut at: EventCursor) -> Result<EventCursor, Over> {
        loop {
            let mut piece = String::new();
            match self.page(Position::After(at), PAGE).await {
                Ok(page) => {
                    if page.damaged > 0 {
                        let missed = json!({ "damaged": page.damaged });
                        writeln!(piece, "event: missed\ndata: {missed}\n").expect("writing to a string succeeds");
                    }
                    for event in &page.events {
                        self.write(&mut piece, event);
                        if piece.len() > PIECE {
                            self.send(std::mem::take(&mut piece)).await?;
                        }
                    }
                    self.send(piece).await?;
                    at = page.next;
                    if !page.more {
                        return Ok(at);
                    }
                    if Instant::now() >= self.due {
                        self.beat(at).await?;
                    }
                }
                Err(StorageError::EventsGone { cursor, oldest }) => {
                    let gone = json!({ "cursor": cursor.to_string(), "oldest": oldest.to_string() });
                    writeln!(piece, "event: gone\nid: {oldest}\ndata: {gone}\n").expect("writing to a string succeeds");
                    self.send(piece).await?;
                    at = oldest;
                }
                Err(error) => return Err(self.give_up(&error)),
            }
        }
    }

    async fn page(&self, from: Position, limit: usize) -> Result<tickety_store::EventPage, StorageError> {
        let log = Arc::clone(self.bus.log());
        let read = self.state.work(move || Handle::current().block_on(log.events(from, limit)));
        read.await.unwrap_or(Err(StorageError::Interrupted))
    }

    /// Ends the stream where the log can't be read: the client comes back.
    fn give_up(&self, error: &StorageError) -> Over {
        tracing::warn!(project = self.state.project.name(), %error, "the log of events can't be read");
        Over
    }

    fn write(&self, piece: &mut String, logged: &LoggedEvent) {
        if !self.types.is_empty() && !self.types.contains(&logged.event.event_type()) {
            return;
        }
        let data = serde_json::to_string(&Event::from(logged)).expect("events have text keys only");
        writeln!(piece, "id: {}\ndata: {data}\n", logged.cursor).expect("writing to a string succeeds");
    }

    /// Waits until the client takes it.
    async fn send(&mut self, piece: String) -> Result<(), Over> {
        if piece.is_empty() {
            return Ok(());
        }
        self.sender.send(piece.into()).await.map_err(|_| Over)?;
        self.due = Instant::now() + HEARTBEAT;
        Ok(())
    }
}

/// The body: the pieces as they come.
struct Pieces(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}
