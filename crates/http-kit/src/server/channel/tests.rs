use std::io::Write;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;
use crate::server::Peer;

/// A socket to which the kernel cannot send from a file.
struct Plain(DuplexStream);

impl AsyncRead for Plain {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Plain {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl Socket for Plain {
    const SENDS_FILES: bool = true;

    fn peer(&self) -> Peer {
        Peer::default()
    }

    fn tune(&self) {}

    fn poll_send_file(&self, _: &mut Context<'_>, _: &FilePart) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(Errno::INVAL.into()))
    }
}

#[tokio::test]
async fn what_the_kernel_cannot_send_is_copied() {
    let content: Vec<u8> = (0..100_000_u32)
        .map(|i| 1 + i.to_le_bytes()[0] % 255)
        .collect();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&content).unwrap();
    // Takes less at a time than is copied.
    let (ours, mut theirs) = duplex(7001);
    let mut channel = Channel::new(Plain(ours), Vec::new(), Arc::default());
    let part = FilePart::new(Arc::new(file), 5..99_999).unwrap();
    let stand_in = channel.lane().enter(part).unwrap();
    let write = async {
        channel.write_all(b"head").await.unwrap();
        channel.write_all(&stand_in).await.unwrap();
        channel.shutdown().await.unwrap();
    };
    let mut sent = Vec::new();
    let ((), read) = tokio::join!(write, theirs.read_to_end(&mut sent));
    read.unwrap();
    assert!(sent == [b"head", &content[5..99_999]].concat());
}
