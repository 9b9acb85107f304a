<?php

namespace Camgate\Exceptions;

/** The gateway may not connect to the link's address: see its SOURCE_ALLOW and SOURCE_DENY. */
class SourceRefused extends CamgateException
{
}
