//! Transport packets: a payload of known length, cut into pieces of 188 bytes (ISO/IEC 13818-1 §2.4.3).
//!
//! What a payload is belongs to `psi` and `pes`.

/// Size of a transport packet.
pub(super) const PACKET: usize = 188;
const HEADER: usize = 4;
const SYNC_BYTE: u8 = 0x47;
/// An adaptation field with a clock: its length, its flags, the clock.
const CLOCK_FIELD: usize = 8;

/// The packets of one PID, whose counter runs on for the life of a stream.
#[derive(Debug)]
pub(super) struct Pid {
    pid: u16,
    continuity_counter: u8,
}

/// What the adaptation field of the first packet of an access unit tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// `program_clock_reference_base`, 90 kHz, 33 bits.
    pub(super) clock: u64,
    /// `random_access_indicator`.
    pub(super) random_access: bool,
}

/// How many packets [`Pid::access_unit`] makes of a payload of `length` bytes.
pub(super) fn packets(length: usize) -> usize {
    (CLOCK_FIELD + length).div_ceil(PACKET - HEADER)
}

/// How many packets [`Pid::payload`] makes of a payload of `length` bytes.
pub(super) fn packets_without_clock(length: usize) -> usize {
    length.div_ceil(PACKET - HEADER)
}

impl Pid {
    /// The packets of `pid`, from the first on.
    pub(super) fn new(pid: u16) -> Self {
        Self { pid, continuity_counter: 0 }
    }

    /// A section that fits one packet, stuffed to its end (§2.4.4.1).
    pub(super) fn section(&mut self, section: &[u8], out: &mut Vec<u8>) {
        const PAYLOAD_ONLY: u8 = 0x10;
        let end = out.len() + PACKET;
        self.header(true, PAYLOAD_ONLY, out);
        out.extend_from_slice(section);
        out.resize(end, 0xff);
    }

    /// Begins a payload of exactly `length` bytes, to be written piece by piece.
    pub(super) fn access_unit<'a>(
        &'a mut self,
        start: Start,
        length: usize,
        out: &'a mut Vec<u8>,
    ) -> Payload<'a> {
        let mut payload = Payload { pid: self, out, left: length, room: 0 };
        payload.begin_packet(true, Some(start));
        payload
    }

    /// The same without a clock: for what goes beside the video, which has one.
    pub(super) fn payload<'a>(&'a mut self, length: usize, out: &'a mut Vec<u8>) -> Payload<'a> {
        let mut payload = Payload { pid: self, out, left: length, room: 0 };
        payload.begin_packet(true, None);
        payload
    }

    /// The four bytes that start a packet; `content` is `adaptation_field_control` in its place.
    fn header(&mut self, unit_start: bool, content: u8, out: &mut Vec<u8>) {
        let [hi, lo] = self.pid.to_be_bytes();
        out.extend([SYNC_BYTE, u8::from(unit_start) << 6 | hi, lo, content | self.continuity_counter]);
        self.continuity_counter = (self.continuity_counter + 1) & 0x0f;
    }
}

/// A payload that is being written.
pub(super) struct Payload<'a> {
    pid: &'a mut Pid,
    out: &'a mut Vec<u8>,
    /// Bytes of the payload not yet written.
    left: usize,
    /// Bytes free in the packet that is being filled.
    room: usize,
}

impl Payload<'_> {
    /// Appends the next piece. All pieces together must be as long as announced.
    pub(super) fn write(&mut self, mut piece: &[u8]) {
        debug_assert!(piece.len() <= self.left, "more payload than announced");
        while !piece.is_empty() {
            if self.room == 0 {
                self.begin_packet(false, None);
            }
            let (now, later) = piece.split_at(piece.len().min(self.room));
            self.out.extend_from_slice(now);
            self.room -= now.len();
            self.left -= now.len();
            piece = later;
        }
    }

    /// Header and adaptation field; the field fills what the payload will not (§2.4.3.5).
    fn begin_packet(&mut self, unit_start: bool, start: Option<Start>) {
        const PAYLOAD: u8 = 0x10;
        const ADAPTATION_FIELD: u8 = 0x20;
        let needed = if start.is_some() { CLOCK_FIELD } else { 0 };
        self.room = self.left.min(PACKET - HEADER - needed);
        let field = PACKET - HEADER - self.room;
        let content = if field > 0 { PAYLOAD | ADAPTATION_FIELD } else { PAYLOAD };
        self.pid.header(unit_start, content, self.out);
        let end = self.out.len() + field;
        if let Some(length) = field.checked_sub(1) {
            self.out.push(length.to_le_bytes()[0]); // at most 183
        }
        if let Some(Start { clock, random_access }) = start {
            const PCR_FLAG: u8 = 0x10;
            self.out.push(u8::from(random_access) << 6 | PCR_FLAG);
            // 33 bits of base, 6 reserved, 9 of extension, which is zero.
            let pcr = clock << 15 | 0x7e00;
            self.out.extend_from_slice(&pcr.to_be_bytes()[2..]);
        } else if field > 1 {
            self.out.push(0); // no flags
        }
        self.out.resize(end, 0xff);
    }
}
