//! Connections: taken, kept within bounds, served by hyper.

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    task::AbortHandle,
};

use super::{
    desk::Desk,
    host::HostNames,
    limits,
    listen::Listener,
    page,
    response::{HttpReply, Media},
    route::{Route, route},
    stream::{LastMoved, LimitedStream, Resettable},
};

/// After a failed accept: for want of descriptors, mostly.
const PAUSE: Duration = Duration::from_millis(100);

/// What all connections share.
#[derive(Debug)]
pub(super) struct HttpServer {
    desk: Arc<Desk>,
    hosts: HostNames,
    most: usize,
    open: Mutex<Vec<OpenConnection>>,
    next: AtomicU64,
    /// Whether the end has begun.
    ending: watch::Sender<bool>,
    /// When a connection was last open.
    busy: Mutex<Instant>,
}

/// A connection that is served.
#[derive(Debug)]
struct OpenConnection {
    number: u64,
    moved: LastMoved,
    task: AbortHandle,
}

impl HttpServer {
    pub(super) fn new(desk: Arc<Desk>, hosts: HostNames, most: usize) -> Arc<HttpServer> {
        Arc::new(HttpServer {
            desk,
            hosts,
            most,
            open: Mutex::default(),
            next: AtomicU64::new(0),
            ending: watch::Sender::new(false),
            busy: Mutex::new(Instant::now()),
        })
    }

    /// Takes connections without end.
    pub(super) async fn accept(self: Arc<HttpServer>, listener: Listener) {
        loop {
            let taken = match &listener {
                Listener::Tcp(listener) => {
                    let taken = listener.accept().await;
                    taken.map(|(stream, _)| {
                        // An answer goes out in one piece.
                        let _ = stream.set_nodelay(true);
                        self.begin(stream);
                    })
                }
                Listener::Unix(listener) => {
                    let taken = listener.accept().await;
                    taken.map(|(stream, _)| self.begin(stream))
                }
            };
            if let Err(error) = taken {
                pause_after(&error).await;
            }
        }
    }

    /// Whether whoever makes the answers goes on.
    pub(super) fn works(&self) -> bool {
        self.desk.works_within(limits::WORKER)
    }

    /// For how long no connection has been open.
    pub(super) fn idle(&self) -> Duration {
        match self.connections().is_empty() {
            true => self.busy().elapsed(),
            false => Duration::ZERO,
        }
    }

    /// Lets all answers end that are under way, for a moment.
    pub(super) async fn end(&self) {
        self.ending.send_replace(true);
        let end = Instant::now() + limits::GRACE;
        while !self.connections().is_empty() && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Serves a connection. Of too many, the one that has moved nothing for longest ends.
    fn begin<S>(self: &Arc<HttpServer>, stream: S)
    where
        S: AsyncRead + AsyncWrite + Resettable + Unpin + Send + 'static,
    {
        let moved = LastMoved::now();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut open = self.connections();
        if open.len() >= self.most {
            let slowest = (0..open.len()).min_by_key(|place| open[*place].moved.at());
            if let Some(slowest) = slowest {
                open.swap_remove(slowest).task.abort();
            }
        }
        let (server, limited) = (Arc::clone(self), LimitedStream::new(stream, moved.clone()));
        // It cannot be over before it stands in the list: the list is locked.
        let task = tokio::spawn(async move {
            server.serve(limited).await;
            server.forget(number);
        });
        open.push(OpenConnection {
            number,
            moved,
            task: task.abort_handle(),
        });
    }

    async fn serve<S>(&self, stream: LimitedStream<S>)
    where
        S: AsyncRead + AsyncWrite + Resettable + Unpin + Send + 'static,
    {
        let service = service_fn(async |request| self.answer(request).await);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits::READ)
            .max_header_size(limits::HEAD)
            .max_headers(limits::FIELDS)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let mut ending = self.ending.subscribe();
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = async { drop(ending.wait_for(|is_ending| *is_ending).await) } => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            // Whoever connects can cause it.
            tracing::debug!(%error, "a connection ended early");
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, _) = request.into_parts();
        let reply = match route(&head, &self.hosts) {
            Ok(Route::Style) => HttpReply::fixed(Media::Css, page::STYLE),
            Ok(Route::Icon) => HttpReply::fixed(Media::Svg, page::ICON),
            Ok(Route::Asked(question)) => {
                let reply = self.desk.ask(question).await;
                HttpReply::clone(&reply)
            }
            Err(refused) => refused,
        };
        tracing::debug!(
            method = %head.method,
            target = %head.uri,
            status = reply.status.as_u16(),
            "answered"
        );
        Ok(reply.into_response())
    }

    fn forget(&self, number: u64) {
        self.connections().retain(|open| open.number != number);
        *self.busy() = Instant::now();
    }

    fn connections(&self) -> MutexGuard<'_, Vec<OpenConnection>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn busy(&self) -> MutexGuard<'_, Instant> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of a connection that was taken back nothing is to be said.
async fn pause_after(error: &io::Error) {
    if error.kind() != io::ErrorKind::ConnectionAborted {
        tracing::debug!(%error, "cannot take a connection");
        tokio::time::sleep(PAUSE).await;
    }
}
