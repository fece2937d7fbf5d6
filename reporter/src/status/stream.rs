//! A connection that says when it last moved a byte, and ends when an answer is not taken in time.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    time::{Sleep, sleep},
};

use super::limits;

/// When a connection last moved a byte.
#[derive(Clone, Debug)]
pub(super) struct LastMoved {
    began: Instant,
    micros: Arc<AtomicU64>,
}

impl LastMoved {
    pub(super) fn now() -> LastMoved {
        LastMoved {
            began: Instant::now(),
            micros: Arc::default(),
        }
    }

    fn touch(&self) {
        let micros = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.micros.store(micros, Ordering::Relaxed);
    }

    /// When that was.
    pub(super) fn at(&self) -> Instant {
        self.began + Duration::from_micros(self.micros.load(Ordering::Relaxed))
    }
}

/// A connection that can be dropped with all that was not taken of it.
pub(super) trait Resettable {
    /// What waits in the kernel is not sent any more when it is closed.
    fn reset_when_closed(&self);
}

impl Resettable for TcpStream {
    fn reset_when_closed(&self) {
        // A client that is gone has nothing to be reset.
        let _ = self.set_zero_linger();
    }
}

/// What waits there goes with it.
impl Resettable for UnixStream {
    fn reset_when_closed(&self) {}
}

/// The connection. One that ends otherwise than in order leaves nothing in the kernel that would wait for a slow reader.
pub(super) struct LimitedStream<S: Resettable> {
    stream: S,
    moved: LastMoved,
    is_shut: bool,
    /// From the first write that had to wait, until all is written.
    end: Option<Pin<Box<Sleep>>>,
}

impl<S: Resettable> LimitedStream<S> {
    pub(super) fn new(stream: S, moved: LastMoved) -> LimitedStream<S> {
        LimitedStream {
            stream,
            moved,
            is_shut: false,
            end: None,
        }
    }

    /// Comes when the time for the answer is over. A byte that is taken does not begin it anew.
    fn poll_over(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let end = &mut self.end;
        let end = end.get_or_insert_with(|| Box::pin(sleep(limits::WRITE)));
        ready!(end.as_mut().poll(context));
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }
}

impl<S: AsyncRead + Resettable + Unpin> AsyncRead for LimitedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        if buffer.filled().len() > before {
            self.moved.touch();
        }
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Resettable + Unpin> AsyncWrite for LimitedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, bytes) {
            Poll::Ready(written) => {
                self.moved.touch();
                Poll::Ready(written)
            }
            Poll::Pending => Poll::Ready(Err(ready!(self.poll_over(context)))),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(context));
        // hyper flushes when it has written all.
        self.end = None;
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_shut = true;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: Resettable> Drop for LimitedStream<S> {
    fn drop(&mut self) {
        if !self.is_shut {
            self.stream.reset_when_closed();
        }
    }
}
