<?php

namespace Camgate\Exceptions;

/** A viewer's token is missing, broken, too old or for something else. */
class TokenRefused extends CamgateException
{
}
