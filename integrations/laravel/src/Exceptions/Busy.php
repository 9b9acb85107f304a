<?php

namespace Camgate\Exceptions;

/** Too much at once: it helps to ask again after retryAfter(), as the client has done if there was time. */
class Busy extends CamgateException
{
}
