#!/usr/bin/python3
"""A camera that is not ours: GStreamer's RTSP server with a test picture, encoded by x264 or x265, and a tone beside it.

    gst_camera.py PATH…

Films what those paths of CAMERAS show, prints "port N" and serves until its standard input closes, so that it never
outlives who started it. Filmed beforehand, since an encoder that works while it is watched leaves pictures and sound out
when the machine has other work; only `/clock`'s pictures are of the moment.
Debian: gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-{base,good,bad,ugly}
"""

import random
import sys
import time
from typing import NamedTuple

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstController", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstController, GstRtspServer  # noqa: E402

# How much is filmed, in seconds: more than any test watches. It ends then, as a camera that hangs up does.
LENGTH = 60


class Track(NamedTuple):
    """How a track is filmed, and how it is put into RTP."""

    film: str
    payload: str


class Sample(NamedTuple):
    """A picture or some sound as the encoder gave it; times in nanoseconds from the start of the film."""

    data: bytes
    pts: int
    dts: int | None
    duration: int


def picture(width, height, fps):
    return (
        f"videotestsrc num-buffers={LENGTH * fps} pattern=ball background-color=0xff305070"
        f" ! video/x-raw,format=I420,width={width},height={height},framerate={fps}/1"
    )


# config-interval=-1 repeats SPS and PPS before every keyframe; 0 leaves them in the SDP.
def h264(width, height, fps, options, profile="constrained-baseline", config_interval=-1):
    return Track(
        f"{picture(width, height, fps)} ! videobalance name=flash ! x264enc threads=1 bitrate=2000 {options}"
        f" ! video/x-h264,stream-format=avc,alignment=au,profile={profile}",
        f"rtph264pay pt=96 config-interval={config_interval}",
    )


def h265(options, width=640, height=360):
    return Track(
        f"{picture(width, height, 25)} ! x265enc speed-preset=ultrafast bitrate=1000 key-int-max=50"
        f" option-string=open-gop=0:log-level=error:{options}",
        "rtph265pay pt=96 config-interval=-1",
    )


def tone(rate, channels, encoder, payload, samples=1024):
    """A tone of 440 Hz at a quarter of full scale: -15.05 dBFS, whatever the encoding."""
    return Track(
        f"audiotestsrc name=tone num-buffers={LENGTH * rate // samples} wave=sine freq=440 volume=0.25"
        f" samplesperbuffer={samples} ! audio/x-raw,rate={rate},channels={channels} ! {encoder}",
        payload,
    )


def aac(rate, channels, samples=1024):
    return tone(rate, channels, "voaacenc bitrate=96000", "rtpmp4gpay pt=97", samples)


FAST = "speed-preset=ultrafast tune=zerolatency key-int-max=50"
SMALL = h264(640, 360, 25, FAST)
B_FRAMES = h264(640, 360, 25, "speed-preset=superfast bframes=3 b-adapt=false key-int-max=50", profile="main")
# 20 ms a packet, as most cameras send G.711.
A_LAW = tone(8000, 1, "alawenc", "rtppcmapay pt=8", 160)

CAMERAS = {
    "/1080p": [h264(1920, 1080, 25, FAST)],
    "/sdp-only": [h264(1280, 720, 25, FAST, config_interval=0)],
    # A keyframe every 4 s, which is longer than camgate's target duration.
    "/long-gop": [h264(640, 360, 15, FAST.replace("50", "60"))],
    "/b-frames": [B_FRAMES],
    "/h265": [h265("bframes=0")],
    "/h265-b-frames": [h265("bframes=3:b-adapt=0")],
    "/silent": [SMALL],
    "/aac": [SMALL, aac(48000, 2)],
    "/aac-b-frames": [B_FRAMES, aac(16000, 1)],
    "/a-law": [SMALL, A_LAW],
    "/h265-a-law": [h265("bframes=0", 320, 180), A_LAW],
    # 128 ms a packet, which is the most that is seen.
    "/mu-law": [SMALL, tone(8000, 1, "mulawenc", "rtppcmupay pt=0 max-ptime=128000000")],
    "/l16": [SMALL, tone(44100, 2, "audioconvert ! audio/x-raw,format=S16BE", "rtpL16pay pt=10")],
    "/opus": [SMALL, tone(48000, 1, "opusenc", "rtpopuspay pt=97")],
    "/flash-aac": [SMALL, aac(48000, 2, 160)],
    "/flash-a-law": [SMALL, A_LAW],
    "/flash-b-frames": [B_FRAMES, aac(48000, 1, 160)],
}

# Its pictures are painted by `paint_clock`.
CLOCK = (
    "( appsrc name=clock is-live=true format=time caps=video/x-raw,format=I420,width=640,height=360,framerate=25/1"
    " ! x264enc threads=1 bitrate=2000 speed-preset=ultrafast tune=zerolatency key-int-max=50"
    " ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)
CLOCKS = {"/clock": CLOCK, "/clock-long-gop": CLOCK.replace("key-int-max=50", "key-int-max=200")}


def flash_and_beep(pipeline):
    """The picture and the tone are there for a second and away for one, by one clock: their distance can be measured."""
    # Both as fractions of what the property can be: a brightness from -1 to 1, a volume from 0 to 1.
    for name, what, there in (("flash", "brightness", 0.5), ("tone", "volume", 0.25)):
        wave = GstController.LFOControlSource()
        wave.props.waveform = GstController.LFOWaveform.SQUARE
        wave.props.frequency = 0.5
        wave.props.amplitude = wave.props.offset = there / 2
        element = pipeline.get_by_name(name)
        element.add_control_binding(GstController.DirectControlBinding.new(element, what, wave))


def film(path):
    """The caps and the samples of each track of a camera."""
    tracks = CAMERAS[path]
    sinks = [f"{track.film} ! appsink name=sink{number} sync=false wait-on-eos=false" for number, track in enumerate(tracks)]
    pipeline = Gst.parse_launch(" ".join(sinks))
    if path.startswith("/flash"):
        flash_and_beep(pipeline)
    pipeline.set_state(Gst.State.PLAYING)
    told = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    if told.type == Gst.MessageType.ERROR:
        sys.exit(f"gst_camera: {path}: {told.parse_error()}")
    films = [filmed(pipeline.get_by_name(f"sink{number}")) for number in range(len(tracks))]
    pipeline.set_state(Gst.State.NULL)
    # What comes first is decoded at zero: of pictures that are shown in another order, before it is shown.
    earliest = min(sample.pts if sample.dts is None else sample.dts for _, samples in films for sample in samples)
    return [(caps, [moved(sample, -earliest) for sample in samples]) for caps, samples in films]


def filmed(sink):
    caps, samples = None, []
    while sample := sink.emit("try-pull-sample", 0):
        caps, start, buffer = sample.get_caps(), sample.get_segment().start, sample.get_buffer()
        dts = None if buffer.dts == Gst.CLOCK_TIME_NONE else buffer.dts - start
        samples.append(Sample(buffer.extract_dup(0, buffer.get_size()), buffer.pts - start, dts, buffer.duration))
    return caps, samples


def moved(sample, by):
    return sample._replace(pts=sample.pts + by, dts=None if sample.dts is None else sample.dts + by)


def launch(tracks):
    """GStreamer's name for each payloader is its camera's track; RTSP's sinks wait for each sample's time.

    Live, or the server would wait for a first sample of each track before it plays any; of a track that nobody has set up
    it often waits for ever.
    """
    payloaders = [
        f"appsrc name=film{number} is-live=true format=time max-bytes=100000 ! {track.payload} name=pay{number}"
        for number, track in enumerate(tracks)
    ]
    return f"( {' '.join(payloaders)} )"


def show(_factory, media, films):
    """From the start, for whoever comes first; who comes later joins them."""
    for number, (caps, samples) in enumerate(films):
        source = media.get_element().get_by_name(f"film{number}")
        source.set_property("caps", caps)
        source.connect("need-data", push, iter(samples))


def push(source, _length, samples):
    sample = next(samples, None)
    if sample is None:
        source.emit("end-of-stream")
        return
    buffer = Gst.Buffer.new_wrapped(sample.data)
    buffer.pts, buffer.duration = sample.pts, sample.duration
    if sample.dts is not None:
        buffer.dts = sample.dts
    source.emit("push-buffer", buffer)


def clock_row(millis, width):
    """A line of luma that tells a time of day: 32 blocks, white for a one, of the milliseconds' low 24 bits and a sum."""
    bits = millis & 0xFFFFFF
    check = (bits >> 16 ^ bits >> 8 ^ bits ^ 0xA5) & 0xFF
    side = width // 32
    word = bits << 8 | check
    return b"".join((b"\xeb" if word >> 31 - bit & 1 else b"\x10") * side for bit in range(32)), side


def paint_clock(_factory, media):
    """Pictures with the time of day at which they were made in their first lines; the rest moves, so that it costs bits."""
    source = media.get_element().get_by_name("clock")
    width, height, period = 640, 360, 1 / 25
    noise = bytes(random.Random(1).choices(range(96, 160), k=width * 2))
    chroma = b"\x80" * (width * height // 2)

    shown = {"began": None, "pictures": 0}

    def film(source, _length):
        """Asked for when the picture before has gone, in the pipeline's own thread: it may wait here until one is due."""
        number = shown["pictures"]
        shown["began"] = shown["began"] or time.monotonic()
        time.sleep(max(0, shown["began"] + number * period - time.monotonic()))
        # Lines of noise, all alike, that move by eight points a picture.
        line = noise[number * 8 % width :][:width]
        row, side = clock_row(time.time_ns() // 1_000_000, width)
        buffer = Gst.Buffer.new_wrapped(row * side + line * (height - side) + chroma)
        buffer.pts = round(number * period * Gst.SECOND)
        buffer.duration = round(period * Gst.SECOND)
        shown["pictures"] += 1
        source.emit("push-buffer", buffer)

    source.connect("need-data", film)


def main(paths):
    Gst.init(None)
    loop = GLib.MainLoop()
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    for path in paths:
        factory = GstRtspServer.RTSPMediaFactory()
        # One for all sessions.
        factory.set_shared(True)
        if path in CLOCKS:
            factory.set_launch(CLOCKS[path])
            factory.connect("media-configure", paint_clock)
        else:
            factory.set_launch(launch(CAMERAS[path]))
            factory.connect("media-configure", show, film(path))
        server.get_mount_points().add_factory(path, factory)
    if server.attach(None) == 0:
        sys.exit("gst_camera: cannot listen")
    GLib.io_add_watch(sys.stdin, GLib.PRIORITY_DEFAULT, GLib.IOCondition.HUP | GLib.IOCondition.ERR, lambda *_: loop.quit())
    print(f"port {server.get_bound_port()}", flush=True)
    loop.run()


main(sys.argv[1:])
