//! One question to one name server, and its answer.

use std::{io, net::SocketAddr, time::Duration};

use hickory_proto::op::Message;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

use super::DnsError;

/// Asks over UDP, and over TCP where the answer does not fit (RFC 7766).
pub(super) async fn ask(server: SocketAddr, question: &Message) -> Result<Message, DnsError> {
    let octets = encode(question, server)?;
    for _ in 0..TRIES {
        let answer = match timeout(PATIENCE, datagram(server, &octets, question)).await {
            Ok(answer) => answer.map_err(unreachable(server))?,
            Err(_) => continue,
        };
        if !answer.metadata.truncation {
            return Ok(answer);
        }
        let octets = tell(server, &octets).await?;
        return decode(&octets, question, server);
    }
    Err(silent(server))
}

/// Tells over TCP: what changes something is to come whole, and once. The answer as it came.
pub(super) async fn tell(server: SocketAddr, octets: &[u8]) -> Result<Vec<u8>, DnsError> {
    match timeout(PATIENCE * TRIES, stream(server, octets)).await {
        Ok(answer) => answer.map_err(unreachable(server)),
        Err(_) => Err(silent(server)),
    }
}

/// A message as it travels.
pub(super) fn encode(message: &Message, server: SocketAddr) -> Result<Vec<u8>, DnsError> {
    // Names and values are bounded where they come in: only what is no message is too long.
    message.to_vec().map_err(|_| garbled(server))
}

/// The answer to this question.
pub(super) fn decode(
    octets: &[u8],
    question: &Message,
    server: SocketAddr,
) -> Result<Message, DnsError> {
    let answer = Message::from_vec(octets).map_err(|_| garbled(server))?;
    if answers(&answer, question) {
        Ok(answer)
    } else {
        Err(garbled(server))
    }
}

async fn datagram(server: SocketAddr, octets: &[u8], question: &Message) -> io::Result<Message> {
    let any = match server {
        SocketAddr::V4(_) => "0.0.0.0:0",
        SocketAddr::V6(_) => "[::]:0",
    };
    // A port of its own for each question, and deaf to everybody else.
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    socket.send(octets).await?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        let length = socket.recv(&mut buffer).await?;
        // What does not answer this question is somebody's guess, or late.
        match Message::from_vec(&buffer[..length]) {
            Ok(answer) if answers(&answer, question) => return Ok(answer),
            _ => {}
        }
    }
}

async fn stream(server: SocketAddr, octets: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(octets.len()).map_err(io::Error::other)?;
    let framed = [&length.to_be_bytes(), octets].concat();
    stream.write_all(&framed).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

fn answers(answer: &Message, question: &Message) -> bool {
    // A refusal may leave the question out.
    answer.metadata.id == question.metadata.id
        && answer.metadata.message_type == hickory_proto::op::MessageType::Response
        && (answer.queries.is_empty() || answer.queries == question.queries)
}

fn silent(server: SocketAddr) -> DnsError {
    DnsError::Silent {
        server: server.to_string(),
    }
}

fn garbled(server: SocketAddr) -> DnsError {
    DnsError::Garbled {
        server: server.to_string(),
    }
}

fn unreachable(server: SocketAddr) -> impl FnOnce(io::Error) -> DnsError {
    move |source| DnsError::Unreachable {
        server: server.to_string(),
        source,
    }
}

/// How long a datagram is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
const TRIES: u32 = 3;
