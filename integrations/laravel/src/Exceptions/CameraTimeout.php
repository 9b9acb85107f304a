<?php

namespace Camgate\Exceptions;

/** The camera did not answer within the gateway's START_TIMEOUT_SECONDS. */
class CameraTimeout extends CameraException
{
}
