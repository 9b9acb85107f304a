<?php

namespace Camgate\Exceptions;

/** A field is missing or wrong: field() names it. */
class InvalidRequest extends CamgateException
{
}
