<?php

namespace Camgate\Tests;

use Camgate\Facades\Camgate;

/** Ten users open one camera's page at once: ten PHP processes, as a web server would have them. */
final class TenUsersTest extends GatewayTestCase
{
    public function test_ten_users_at_once_get_one_stream_and_all_of_them_see_it(): void
    {
        $users = [];
        for ($i = 0; $i < 10; $i++) {
            $command = [PHP_BINARY, __DIR__.'/user.php', 'gate-1', $this->link()];
            $users[] = [proc_open($command, [1 => ['pipe', 'w'], 2 => STDERR], $pipes), $pipes[1]];
        }
        $answers = [];
        foreach ($users as [$process, $output]) {
            $answers[] = json_decode((string) stream_get_contents($output), true);
            $this->assertSame(0, proc_close($process));
        }
        $this->assertSame(array_fill(0, 10, 'gate-1'), array_column($answers, 'id'));
        $this->assertSame(array_fill(0, 10, '#EXTM3U'), array_column($answers, 'playlist'));
        $this->assertContains('started', array_column($answers, 'status'));
        $this->assertCount(1, Camgate::streams());
    }
}
