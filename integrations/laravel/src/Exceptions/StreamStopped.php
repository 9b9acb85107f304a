<?php

namespace Camgate\Exceptions;

/** The stream was stopped while it was being started. */
class StreamStopped extends CamgateException
{
}
