<?php

namespace Camgate\Exceptions;

/** The gateway cannot be reached. */
class GatewayDown extends CamgateException
{
}
