<?php

declare(strict_types=1);

namespace RelayBridge;

/** What a flush or one turn of a drain came to. */
final class DrainReport
{
    private $outcomes;
    private $parked;
    private $stoppedBy;
    private $problem;

    /**
     * @param Outcome[] $outcomes by notification id
     * @param string[] $parked one line for each row that was refused for good
     * @param Outcome|null $stoppedBy the failure that is the relay's, not one row's
     */
    public function __construct(array $outcomes = [], array $parked = [], ?Outcome $stoppedBy = null, string $problem = '')
    {
        $this->outcomes = $outcomes;
        $this->parked = $parked;
        $this->stoppedBy = $stoppedBy;
        $this->problem = $problem;
    }

    /** How many notifications the relay took. */
    public function sent(): int
    {
        return count(array_filter($this->outcomes, static function (Outcome $outcome): bool {
            return $outcome->isAccepted();
        }));
    }

    /**
     * @param int|string $id the notification's
     * @return Outcome|null null where it was not tried
     */
    public function outcome($id): ?Outcome
    {
        return $this->outcomes[$id] ?? null;
    }

    /** @return Outcome[] by notification id */
    public function outcomes(): array
    {
        return $this->outcomes;
    }

    /** @return string[] */
    public function parked(): array
    {
        return $this->parked;
    }

    public function stoppedBy(): ?Outcome
    {
        return $this->stoppedBy;
    }

    /** '' or why nothing could be tried: the database, or a transaction still open. The rows wait. */
    public function problem(): string
    {
        return $this->problem;
    }

    public function and(self $later): self
    {
        return new self(
            $later->outcomes + $this->outcomes,
            array_merge($this->parked, $later->parked),
            $later->stoppedBy ?? $this->stoppedBy,
            $this->problem . $later->problem
        );
    }
}
