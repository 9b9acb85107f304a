<?php

namespace Camgate\Exceptions;

/** The camera refuses the user name or the password, or asks for some. */
class CameraAuthFailed extends CameraException
{
}
