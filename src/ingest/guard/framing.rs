//! Where one RTSP message ends and the next begins, in bytes that stream by. Pure; holds none of them.
//!
//! It limits and does not judge. What it counts it counts as retina does: lines end in CR LF, and a body is as long as
//! `Content-Length` says. Where a camera deviates, retina ends the session at that very byte, so it does not matter
//! what is counted from there on.

use super::Excess;

/// The longest head of a message: start line and header lines (RFC 2326 §6, §7).
pub(super) const MAX_HEAD: usize = 256 << 10;
/// The longest body of a message. An SDP has some hundred bytes, or a few thousand.
pub(super) const MAX_BODY: usize = 256 << 10;

/// How far the camera's bytes have been read.
#[derive(Debug, Default)]
pub(super) struct Framing {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// Before a message. Empty lines may stand here.
    #[default]
    Between,
    /// Behind `$`: one byte of channel and two of length (RFC 2326 §10.12), of which `read` have been seen.
    Prefix { read: u8, length: usize },
    /// In a packet or a body that goes on for so many bytes.
    Inside(usize),
    /// In a head.
    Head(Head),
}

#[derive(Debug, Default)]
struct Head {
    length: usize,
    /// Bytes of the line so far.
    in_line: usize,
    /// Whether the last byte was CR.
    after_cr: bool,
    field: Field,
    content_length: usize,
}

/// What the line is, so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Field {
    /// It may become `Content-Length`: its bytes so far are the same.
    #[default]
    Maybe,
    /// It is `Content-Length`, and this is the value.
    ContentLength,
    /// It is of no interest.
    Other,
}

const CONTENT_LENGTH: &[u8] = b"content-length:";

impl Framing {
    /// Reads on.
    ///
    /// # Errors
    /// As soon as a head is longer than [`MAX_HEAD`], or says that its body is longer than [`MAX_BODY`].
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Result<(), Excess> {
        while let Some((&first, rest)) = bytes.split_first() {
            match &mut self.state {
                State::Between => match first {
                    b'\r' | b'\n' => bytes = rest,
                    b'$' => {
                        self.state = State::Prefix { read: 0, length: 0 };
                        bytes = rest;
                    }
                    _ => self.state = State::Head(Head::default()),
                },
                State::Prefix { read, length } => {
                    if *read > 0 {
                        *length = (*length << 8) | usize::from(first);
                    }
                    *read += 1;
                    if *read == 3 {
                        self.state = State::Inside(*length);
                    }
                    bytes = rest;
                }
                State::Inside(left) => {
                    let here = bytes.len().min(*left);
                    *left -= here;
                    bytes = &bytes[here..];
                    if *left == 0 {
                        self.state = State::Between;
                    }
                }
                State::Head(head) => {
                    if let Some(body) = head.read(first)? {
                        self.state = State::Inside(body);
                    }
                    bytes = rest;
                }
            }
        }
        Ok(())
    }
}

impl Head {
    /// Takes one byte; with the last one it tells how long the body is.
    fn read(&mut self, byte: u8) -> Result<Option<usize>, Excess> {
        self.length += 1;
        if self.length > MAX_HEAD {
            return Err(Excess::Head);
        }
        if byte == b'\n' && self.after_cr {
            let is_empty = self.in_line == 1;
            (self.in_line, self.after_cr, self.field) = (0, false, Field::default());
            return match self.content_length {
                _ if !is_empty => Ok(None),
                length if length > MAX_BODY => Err(Excess::Body),
                length => Ok(Some(length)),
            };
        }
        self.after_cr = byte == b'\r';
        match self.field {
            Field::Maybe if CONTENT_LENGTH.get(self.in_line) != Some(&byte.to_ascii_lowercase()) => {
                self.field = Field::Other;
            }
            Field::Maybe if self.in_line + 1 == CONTENT_LENGTH.len() => {
                self.field = Field::ContentLength;
            }
            // Blanks and a plus sign may stand beside the digits. Whatever else does, retina refuses it.
            Field::ContentLength if byte.is_ascii_digit() => {
                let digit = usize::from(byte - b'0');
                self.content_length = self.content_length.saturating_mul(10).saturating_add(digit);
            }
            _ => {}
        }
        self.in_line += 1;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether the next byte begins a message.
    fn is_between(framing: &Framing) -> bool {
        matches!(framing.state, State::Between | State::Inside(0))
    }

    fn read(stream: &[u8]) -> Result<Framing, Excess> {
        let mut framing = Framing::default();
        framing.read(stream).map(|()| framing)
    }

    fn packet(channel: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        [&[b'$', channel, length[0], length[1]], payload].concat()
    }

    fn answer(header: &str, body: &[u8]) -> Vec<u8> {
        let head = format!("RTSP/1.0 200 OK\r\nCSeq: 1\r\n{header}: {}\r\nServer: x \r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    }

    #[test]
    fn messages_end_where_their_lengths_say() {
        // A body and a packet that look like messages are not read as such.
        let body = b"\r\n\r\n$RTSP/1.0 200 OK\r\nContent-Length: 999\r\n\r\n";
        for header in ["Content-Length", "content-length", "CONTENT-LENGTH"] {
            let stream = [
                packet(0, b""),
                answer(header, body),
                b"\r\n".to_vec(),
                packet(1, body),
                b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n".to_vec(),
            ]
            .concat();
            assert!(is_between(&read(&stream).unwrap()), "{header}");
            assert!(!is_between(&read(&stream[..stream.len() - 1]).unwrap()), "{header}");
        }
    }

    #[test]
    fn lengths_may_stand_between_blanks_or_behind_a_plus() {
        for value in ["5", " 5 ", "\t005\t", " +5"] {
            let stream = format!("RTSP/1.0 200 OK\r\nContent-Length:{value}\r\n\r\n12345");
            assert!(is_between(&read(stream.as_bytes()).unwrap()), "{value:?}");
        }
        for other in ["X-Content-Length: 5", "Content-Lengths: 5", "Content-Length : 5", " Content-Length: 5"]
        {
            let stream = format!("RTSP/1.0 200 OK\r\n{other}\r\n\r\n");
            assert!(is_between(&read(stream.as_bytes()).unwrap()), "{other:?}");
        }
    }

    #[test]
    fn a_head_may_be_as_long_as_the_limit_and_no_longer() {
        let (start, end) = ("RTSP/1.0 200 OK\r\nX: ", "\r\n\r\n");
        let head = |length: usize| format!("{start}{}{end}", "x".repeat(length - start.len() - end.len()));
        assert!(is_between(&read(head(MAX_HEAD).as_bytes()).unwrap()));
        assert_eq!(read(head(MAX_HEAD + 1).as_bytes()).unwrap_err(), Excess::Head);
        // Neither many short lines, nor a status line without end, nor line feeds alone are a way around it.
        for endless in ["X: y\r\n", "x", "x\n\n", "\r"] {
            let stream = format!("RTSP/1.0 200 {}", endless.repeat(MAX_HEAD / endless.len()));
            assert_eq!(read(stream.as_bytes()).unwrap_err(), Excess::Head, "{endless:?}");
        }
    }

    #[test]
    fn a_body_may_be_as_long_as_the_limit_and_is_refused_before_it_comes() {
        let head = |length: &str| format!("RTSP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n");
        let stream = [head(&MAX_BODY.to_string()).as_bytes(), &vec![0; MAX_BODY]].concat();
        assert!(is_between(&read(&stream).unwrap()));
        for length in [&(MAX_BODY + 1).to_string(), "1000000000", &"9".repeat(100)] {
            assert_eq!(read(head(length).as_bytes()).unwrap_err(), Excess::Body, "{length}");
        }
    }

    /// A message or a packet of a camera that means well.
    fn message() -> impl Strategy<Value = Vec<u8>> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..300);
        prop_oneof![
            (any::<u8>(), bytes()).prop_map(|(channel, payload)| packet(channel, &payload)),
            ("[Cc]ontent-[lL]ength", bytes()).prop_map(|(header, body)| answer(&header, &body)),
            Just(b"\r\n".to_vec()),
        ]
    }

    proptest! {
        #[test]
        fn the_end_of_each_message_is_found_in_whatever_pieces_it_comes(
            messages in proptest::collection::vec(message(), 1..20),
            cuts in proptest::collection::vec(1usize..400, 1..40),
        ) {
            let stream = messages.concat();
            let mut framing = Framing::default();
            let (mut rest, mut cuts) = (&stream[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (piece, later) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                prop_assert_eq!(framing.read(piece), Ok(()));
                rest = later;
            }
            prop_assert!(is_between(&framing));
            // And not one byte before.
            let mut early = Framing::default();
            let last = messages.last().unwrap();
            if last != b"\r\n" {
                prop_assert_eq!(early.read(&stream[..stream.len() - 1]), Ok(()));
                prop_assert!(!is_between(&early));
            }
        }

        #[test]
        fn no_bytes_make_it_panic_or_depend_on_how_they_are_cut(
            stream in proptest::collection::vec(prop_oneof![Just(b'$'), Just(b'\r'), Just(b'\n'), any::<u8>()], 0..2000),
            at in 0usize..2000,
        ) {
            let (first, second) = stream.split_at(at.min(stream.len()));
            let mut cut = Framing::default();
            let in_two = cut.read(first).and_then(|()| cut.read(second)).map(|()| format!("{cut:?}"));
            prop_assert_eq!(in_two, read(&stream).map(|framing| format!("{framing:?}")));
        }
    }
}
