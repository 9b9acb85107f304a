<?php

namespace Camgate\Exceptions;

/** What a camera has to answer for, or its link: the gateway is well. */
class CameraException extends CamgateException
{
}
