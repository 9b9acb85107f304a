<?php

namespace Camgate\Exceptions;

/** The gateway does not let this application in: see CAMGATE_TOKEN. */
class Unauthorized extends CamgateException
{
}
