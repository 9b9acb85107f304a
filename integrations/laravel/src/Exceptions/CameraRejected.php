<?php

namespace Camgate\Exceptions;

/** The camera answered with an error, which rtspStatus() tells, or with what is no RTSP. */
class CameraRejected extends CameraException
{
}
