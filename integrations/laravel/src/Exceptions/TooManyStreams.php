<?php

namespace Camgate\Exceptions;

/** As many streams or viewers as the gateway allows: it helps that some end. */
class TooManyStreams extends CamgateException
{
}
