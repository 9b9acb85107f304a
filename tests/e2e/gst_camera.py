#!/usr/bin/python3
"""A camera that is not ours: GStreamer's RTSP server with a test picture, encoded by x264 or x265, and a tone beside it.

Prints "port N" and serves until its standard input closes, so that it never outlives who started it.
Debian: gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-{base,good,bad,ugly}
"""

import random
import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstController", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstController, GstRtspServer  # noqa: E402


def picture(width, height, fps):
    return (
        f"videotestsrc is-live=true pattern=ball background-color=0xff305070"
        f" ! video/x-raw,format=I420,width={width},height={height},framerate={fps}/1"
    )


def pipeline(width, height, fps, encoder, payloader):
    return (
        f"( {picture(width, height, fps)} ! x264enc threads=1 bitrate=2000 {encoder}"
        f" ! rtph264pay name=pay0 pt=96 {payloader} )"
    )


def h265(options, width=640, height=360):
    return (
        f"( {picture(width, height, 25)} ! x265enc speed-preset=ultrafast bitrate=1000 key-int-max=50"
        f" option-string=open-gop=0:log-level=error:{options} ! rtph265pay name=pay0 pt=96 config-interval=-1 )"
    )


SMALL = pipeline(640, 360, 25, "speed-preset=ultrafast tune=zerolatency key-int-max=50", "config-interval=-1")
B_FRAMES = pipeline(
    640,
    360,
    25,
    # The payloader prefers the baseline profile, which has none.
    "speed-preset=superfast bframes=3 b-adapt=false key-int-max=50 ! video/x-h264,profile=main",
    "config-interval=-1",
)


def flashing(video):
    """The picture behind a filter that `flash_and_beep` turns to black and back."""
    return video.replace(" ! x264enc", " ! videobalance name=flash ! x264enc")


def with_audio(video, rate, channels, encoder, buffer=1024):
    """A tone of 440 Hz at a quarter of full scale beside the video: -15.05 dBFS, whatever the encoding."""
    return (
        f"{video.removesuffix(')')} audiotestsrc name=tone is-live=true wave=sine freq=440 volume=0.25"
        f" samplesperbuffer={buffer} ! audio/x-raw,rate={rate},channels={channels} ! {encoder} name=pay1 )"
    )


# Its pictures are painted by `paint_clock`.
CLOCK = (
    "( appsrc name=clock is-live=true format=time caps=video/x-raw,format=I420,width=640,height=360,framerate=25/1"
    " ! x264enc threads=1 bitrate=2000 speed-preset=ultrafast tune=zerolatency key-int-max=50"
    " ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)
AAC = "voaacenc bitrate=96000 ! rtpmp4gpay pt=97"
# 20 ms a packet, as most cameras send G.711.
A_LAW = {"rate": 8000, "channels": 1, "encoder": "alawenc ! rtppcmapay pt=8", "buffer": 160}

# config-interval=-1 repeats SPS and PPS before every keyframe; 0 leaves them in the SDP.
CAMERAS = {
    "/1080p": pipeline(1920, 1080, 25, "speed-preset=ultrafast tune=zerolatency key-int-max=50", "config-interval=-1"),
    "/sdp-only": pipeline(1280, 720, 25, "speed-preset=ultrafast tune=zerolatency key-int-max=50", "config-interval=0"),
    # A keyframe every 4 s, which is longer than camgate's target duration.
    "/long-gop": pipeline(640, 360, 15, "speed-preset=ultrafast tune=zerolatency key-int-max=60", "config-interval=-1"),
    "/b-frames": B_FRAMES,
    "/h265": h265("bframes=0"),
    "/h265-b-frames": h265("bframes=3:b-adapt=0"),
    "/silent": SMALL,
    "/clock": CLOCK,
    "/clock-long-gop": CLOCK.replace("key-int-max=50", "key-int-max=200"),
    "/aac": with_audio(SMALL, 48000, 2, AAC),
    "/aac-b-frames": with_audio(B_FRAMES, 16000, 1, AAC),
    "/a-law": with_audio(SMALL, **A_LAW),
    "/h265-a-law": with_audio(h265("bframes=0", 320, 180), **A_LAW),
    # 128 ms a packet, which is the most that is seen.
    "/mu-law": with_audio(SMALL, 8000, 1, "mulawenc ! rtppcmupay pt=0 max-ptime=128000000"),
    "/l16": with_audio(SMALL, 44100, 2, "audioconvert ! audio/x-raw,format=S16BE ! rtpL16pay pt=10"),
    "/opus": with_audio(SMALL, 48000, 1, "opusenc ! rtpopuspay pt=97"),
    "/flash-aac": with_audio(flashing(SMALL), 48000, 2, AAC, buffer=160),
    "/flash-a-law": with_audio(flashing(SMALL), **A_LAW),
    "/flash-b-frames": with_audio(flashing(B_FRAMES), 48000, 1, AAC, buffer=160),
}


def flash_and_beep(_factory, media):
    """The picture and the tone are there for a second and away for one, by one clock: their distance can be measured."""
    # Both as fractions of what the property can be: a brightness from -1 to 1, a volume from 0 to 1.
    for name, what, there in (("flash", "brightness", 0.5), ("tone", "volume", 0.25)):
        wave = GstController.LFOControlSource()
        wave.props.waveform = GstController.LFOWaveform.SQUARE
        wave.props.frequency = 0.5
        wave.props.amplitude = wave.props.offset = there / 2
        element = media.get_element().get_by_name(name)
        element.add_control_binding(GstController.DirectControlBinding.new(element, what, wave))


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


def main():
    Gst.init(None)
    loop = GLib.MainLoop()
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    for path, launch in CAMERAS.items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(launch)
        # One encoder, however many sessions.
        factory.set_shared(True)
        if path.startswith("/flash"):
            factory.connect("media-configure", flash_and_beep)
        if path.startswith("/clock"):
            factory.connect("media-configure", paint_clock)
        server.get_mount_points().add_factory(path, factory)
    if server.attach(None) == 0:
        sys.exit("gst_camera: cannot listen")
    GLib.io_add_watch(sys.stdin, GLib.PRIORITY_DEFAULT, GLib.IOCondition.HUP | GLib.IOCondition.ERR, lambda *_: loop.quit())
    print(f"port {server.get_bound_port()}", flush=True)
    loop.run()


main()
