<?php

namespace Camgate\Exceptions;

/** The camera sends neither H.264 nor H.265 at this link. */
class UnsupportedCodec extends CameraException
{
}
