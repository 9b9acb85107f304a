<?php

namespace Camgate\Exceptions;

/** No connection to the camera, or it was closed at once. */
class CameraUnreachable extends CameraException
{
}
