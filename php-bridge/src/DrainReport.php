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
    private $postponed;

    /**
     * @param Outcome[][] $outcomes by notification id and event: a message and its edit may share an id
     * @param string[] $parked one line for each row that was refused for good
     * @param Outcome|null $stoppedBy the failure that is the relay's, not one row's
     * @param string[] $postponed the code of each row that failed alone and is tried again later
     */
    public function __construct(array $outcomes = [], array $parked = [], ?Outcome $stoppedBy = null, string $problem = '', array $postponed = [])
    {
        $this->outcomes = $outcomes;
        $this->parked = $parked;
        $this->stoppedBy = $stoppedBy;
        $this->problem = $problem;
        $this->postponed = $postponed;
    }

    /** How many notifications the relay took. */
    public function sent(): int
    {
        return count(array_filter($this->outcomes(), static function (Outcome $outcome): bool {
            return $outcome->isAccepted();
        }));
    }

    /**
     * @param int|string $id the notification's
     * @param string $event '' for the message's own, whatever else went under its id
     * @return Outcome|null null where it was not tried
     */
    public function outcome($id, string $event = ''): ?Outcome
    {
        $byEvent = $this->outcomes[$id] ?? [];
        return $byEvent[$event === '' ? $this->ownEvent($byEvent) : $event] ?? null;
    }

    /** @return Outcome[] by notification id, as outcome($id) gives them; what else went under an id by "id event" */
    public function outcomes(): array
    {
        $all = [];
        foreach ($this->outcomes as $id => $byEvent) {
            $own = $this->ownEvent($byEvent);
            foreach ($byEvent as $event => $outcome) {
                $all[$event === $own ? $id : "$id $event"] = $outcome;
            }
        }
        return $all;
    }

    /** @return string[] */
    public function parked(): array
    {
        return $this->parked;
    }

    /** @return int[] by code (`backend_unavailable`, `internal`, …): how many rows failed alone and are tried again later */
    public function postponed(): array
    {
        return array_count_values($this->postponed);
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
            array_replace_recursive($this->outcomes, $later->outcomes),
            array_merge($this->parked, $later->parked),
            $later->stoppedBy ?? $this->stoppedBy,
            $this->problem . $later->problem,
            array_merge($this->postponed, $later->postponed)
        );
    }

    /** @return int|string the event of the message itself, else of what went first: a site may have names of its own */
    private function ownEvent(array $byEvent)
    {
        return isset($byEvent[Notification::MESSAGE]) ? Notification::MESSAGE : array_keys($byEvent)[0] ?? '';
    }
}
