//! The guard before retina: in whatever pieces a camera's bytes come, the verdict is the same, and what is let through
//! keeps within the limits.
#![no_main]

use arbitrary::Arbitrary;
use camgate::ingest::guard::{Excess, read_in_pieces};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 256 << 10;

#[derive(Arbitrary, Debug)]
struct Input {
    stream: Vec<Piece>,
    cuts: Vec<u8>,
}

/// What a camera sends, good or bad.
#[derive(Arbitrary, Debug)]
enum Piece {
    Bytes(Vec<u8>),
    Text(Text),
    Packet(u8, Vec<u8>),
    Answer {
        length: u32,
        body: Vec<u8>,
    },
    /// The same byte many times over.
    Long(u8, u32),
}

#[derive(Arbitrary, Debug)]
enum Text {
    EndOfLine,
    StatusLine,
    ContentLength,
}

impl Piece {
    fn append(&self, stream: &mut Vec<u8>) {
        match self {
            Self::Bytes(bytes) => stream.extend(bytes),
            Self::Text(Text::EndOfLine) => stream.extend(b"\r\n"),
            Self::Text(Text::StatusLine) => stream.extend(b"RTSP/1.0 200 OK\r\n"),
            Self::Text(Text::ContentLength) => stream.extend(b"CONTENT-length: "),
            Self::Packet(channel, payload) => {
                let length = u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes();
                stream.extend([b'$', *channel, length[0], length[1]]);
                stream.extend(&payload[..payload.len().min(0xffff)]);
            }
            Self::Answer { length, body } => {
                stream.extend(format!("RTSP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n").as_bytes());
                stream.extend(body);
            }
            Self::Long(byte, times) => {
                // Mostly short, for the sake of time; else about as long as the limit.
                let times = *times as usize;
                let times =
                    if times.is_multiple_of(64) { LIMIT - 100 + times / 64 % 200 } else { times % 64 };
                stream.resize(stream.len() + times, *byte);
            }
        }
    }
}

fuzz_target!(|input: Input| {
    let mut stream = Vec::new();
    for piece in &input.stream {
        piece.append(&mut stream);
        if stream.len() > 3 * LIMIT {
            break;
        }
    }
    let whole = read_in_pieces([&stream[..]]);
    // Pieces of the fuzzer's lengths, over and over; a few of them only where the stream is long.
    let mut cuts = input.cuts.iter().cycle();
    let mut rest = &stream[..];
    let pieces = std::iter::from_fn(|| {
        let cut = cuts.next().map_or(rest.len(), |cut| usize::from(*cut) + 1 + rest.len() / 1000);
        let (piece, later) = rest.split_at(cut.min(rest.len()));
        rest = later;
        (!piece.is_empty()).then_some(piece)
    });
    assert_eq!(read_in_pieces(pieces), whole);

    assert_eq!(whole.err(), excess(&stream));
});

/// What the stream has too much of, found with all of it at hand.
fn excess(mut stream: &[u8]) -> Option<Excess> {
    loop {
        let blank = stream.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        stream = &stream[blank..];
        if let [b'$', _, high, low, rest @ ..] = stream {
            stream = rest.get(usize::from(*high) << 8 | usize::from(*low)..)?;
            continue;
        }
        if stream.is_empty() || stream[0] == b'$' {
            return None;
        }
        let end = stream.windows(4).position(|window| window == b"\r\n\r\n");
        let Some(end) = end.filter(|end| end + 4 <= LIMIT) else {
            return (stream.len() > LIMIT).then_some(Excess::Head);
        };
        let (head, rest) = stream.split_at(end + 4);
        let mut length = 0_u64;
        let mut rest_of_head = head;
        while let Some(end) = rest_of_head.windows(2).position(|window| window == b"\r\n") {
            let (line, later) = rest_of_head.split_at(end + 2);
            rest_of_head = later;
            let value =
                line.split_at_checked(15).filter(|(name, _)| name.eq_ignore_ascii_case(b"content-length:"));
            for digit in value.iter().flat_map(|(_, value)| *value).filter(|byte| byte.is_ascii_digit()) {
                length = length.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
            }
        }
        if length > LIMIT as u64 {
            return Some(Excess::Body);
        }
        stream = rest.get(usize::try_from(length).unwrap()..)?;
    }
}
