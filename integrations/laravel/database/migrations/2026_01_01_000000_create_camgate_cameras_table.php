<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

return new class extends Migration
{
    /** Which camera an indicator shows. Two indicators with one link share one session of the camera. */
    public function up()
    {
        Schema::create('camgate_cameras', function (Blueprint $table) {
            $table->id();
            $table->string('indicator_id', 64)->unique();
            $table->string('name')->default('');
            // Encrypted, so longer than what they hold. A link may hold a password too.
            $table->text('rtsp_link');
            $table->text('username')->nullable();
            $table->text('password')->nullable();
            // null: as the gateway's settings have it.
            $table->boolean('audio')->nullable();
            $table->boolean('warm')->nullable();
            $table->timestamps();
        });
    }

    public function down()
    {
        Schema::dropIfExists('camgate_cameras');
    }
};
