#!/usr/bin/python3
"""A camera that is not ours: GStreamer's RTSP server with a test picture, encoded by x264 or x265.

Prints "port N" and serves until its standard input closes, so that it never outlives who started it.
Debian: gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-{base,good,bad,ugly}
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402


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


def h265(options):
    return (
        f"( {picture(640, 360, 25)} ! x265enc speed-preset=ultrafast bitrate=1000 key-int-max=50"
        f" option-string=open-gop=0:log-level=error:{options} ! rtph265pay name=pay0 pt=96 config-interval=-1 )"
    )


# config-interval=-1 repeats SPS and PPS before every keyframe; 0 leaves them in the SDP.
CAMERAS = {
    "/1080p": pipeline(1920, 1080, 25, "speed-preset=ultrafast tune=zerolatency key-int-max=50", "config-interval=-1"),
    "/sdp-only": pipeline(1280, 720, 25, "speed-preset=ultrafast tune=zerolatency key-int-max=50", "config-interval=0"),
    # A keyframe every 4 s, which is longer than camgate's target duration.
    "/long-gop": pipeline(640, 360, 15, "speed-preset=ultrafast tune=zerolatency key-int-max=60", "config-interval=-1"),
    # The payloader prefers the baseline profile, which has none.
    "/b-frames": pipeline(
        640,
        360,
        25,
        "speed-preset=superfast bframes=3 b-adapt=false key-int-max=50 ! video/x-h264,profile=main",
        "config-interval=-1",
    ),
    "/h265": h265("bframes=0"),
    "/h265-b-frames": h265("bframes=3:b-adapt=0"),
}


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
        server.get_mount_points().add_factory(path, factory)
    if server.attach(None) == 0:
        sys.exit("gst_camera: cannot listen")
    GLib.io_add_watch(sys.stdin, GLib.PRIORITY_DEFAULT, GLib.IOCondition.HUP | GLib.IOCondition.ERR, lambda *_: loop.quit())
    print(f"port {server.get_bound_port()}", flush=True)
    loop.run()


main()
