<?php

namespace Camgate\Exceptions;

/** No such stream; ended() tells why, if there was one lately. */
class StreamNotFound extends CamgateException
{
}
