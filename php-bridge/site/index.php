<?php

declare(strict_types=1);

header('Location: messaging.php', true, 302);
