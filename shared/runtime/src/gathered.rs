//! Writes that come close behind each other travel together.
//!
//! HTTP/2 flushes the data of an answer before it has written the trailers behind them: two records of TLS, two packets,
//! and two times a sleeping client is woken. Here the first flush lets the task have one more turn, and what it writes in
//! that goes along. Nothing waits for longer than that turn.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that gathers what is written to it. Reading is the inner stream's.
#[derive(Debug)]
pub struct Gathered<S> {
    inner: S,
    /// What the inner stream has not taken yet; holds no memory while it is empty.
    gathered: Vec<u8>,
    /// How much of that it has taken.
    taken: usize,
    /// The writer has had its turn.
    waited: bool,
}

impl<S> Gathered<S> {
    /// Gathers what is written to `inner`.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            gathered: Vec::new(),
            taken: 0,
            waited: false,
        }
    }
}

impl<S: AsyncWrite + Unpin> Gathered<S> {
    /// Gives the inner stream all that was gathered.
    fn poll_give(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let rest = &self.gathered[self.taken..]
            && !rest.is_empty()
        {
            let taken = ready!(Pin::new(&mut self.inner).poll_write(cx, rest))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.taken += taken;
        }
        self.gathered = Vec::new();
        self.taken = 0;
        self.waited = false;
        Poll::Ready(Ok(()))
    }

    /// Makes room for some bytes of `wanted`; how many.
    fn poll_room(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<io::Result<usize>> {
        if self.gathered.len() >= MOST {
            ready!(self.poll_give(cx))?;
        }
        Poll::Ready(Ok(wanted.min(MOST - self.gathered.len())))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let room = ready!(self.poll_room(cx, buf.len()))?;
        self.gathered.extend_from_slice(&buf[..room]);
        Poll::Ready(Ok(room))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        let room = ready!(self.poll_room(cx, wanted))?;
        let mut left = room;
        for buf in bufs {
            let some = left.min(buf.len());
            self.gathered.extend_from_slice(&buf[..some]);
            left -= some;
        }
        Poll::Ready(Ok(room))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.gathered.is_empty() && !self.waited {
            self.waited = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(self.poll_give(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_give(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// A record of TLS (RFC 8446, section 5.1): more would not travel together anyway.
const MOST: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Keeps what it is given, apart.
    #[derive(Default)]
    struct Kept(Vec<Vec<u8>>);

    impl AsyncWrite for Kept {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.0.push(buf.to_vec());
            Poll::Ready(Ok(buf.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn what_is_written_in_two_turns_travels_together() {
        let mut stream = Gathered::new(Kept::default());
        let cx = &mut Context::from_waker(Waker::noop());
        for (written, flushed) in [(b"data", false), (b"tail", true)] {
            let taken = Pin::new(&mut stream).poll_write(cx, written);
            assert!(matches!(taken, Poll::Ready(Ok(4))));
            assert_eq!(Pin::new(&mut stream).poll_flush(cx).is_ready(), flushed);
        }
        assert_eq!(stream.inner.0, [b"datatail"]);
        assert_eq!(stream.gathered.capacity(), 0, "it keeps no memory");
    }

    #[tokio::test]
    async fn nobody_waits_for_more_to_come() {
        let mut stream = Gathered::new(Kept::default());
        for written in ["one", "two"] {
            stream.write_all(written.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
        }
        stream.write_all(b"rest").await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(stream.inner.0, [b"one".as_slice(), b"two", b"rest"]);
    }

    #[tokio::test]
    async fn all_comes_out_as_it_went_in() {
        // Takes less at a time than is written.
        let (near, mut far) = tokio::io::duplex(1_000);
        let sent = (0..100_000_u32).map(|n| n as u8).collect::<Vec<_>>();
        let expected = sent.clone();
        let writing = tokio::spawn(async move {
            let mut stream = Gathered::new(near);
            for (n, some) in sent.chunks(777).enumerate() {
                stream.write_all(some).await.unwrap();
                if n % 50 == 0 {
                    stream.flush().await.unwrap();
                }
            }
            stream.shutdown().await.unwrap();
        });
        let mut received = Vec::new();
        far.read_to_end(&mut received).await.unwrap();
        writing.await.unwrap();
        assert!(received == expected);
    }
}
