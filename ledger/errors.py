"""The three kinds of error, and the whole tree of them.

    TouchstoneError
    ├── Rejected      the caller's fault; trying again changes nothing        (HTTP 4xx, exit 1)
    ├── Unavailable   a part cannot be reached or is behind; try again        (HTTP 503, exit 1)
    └── Broken        what must hold does not; stop and wake a person         (HTTP 500, exit 1)

Every error carries a `code` (stable, UPPER_SNAKE, documented in docs/errors.md) and a sentence that
says what to do. Modules raise one of the three with their own code instead of subclassing; HTTP
status codes appear only in `api/`.
"""


class TouchstoneError(Exception):
    """Base of all errors that Touchstone raises on purpose.

    code: stable name for machines. message: one sentence for people, saying what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


class Rejected(TouchstoneError):
    """The caller's fault: never retried."""


class Unavailable(TouchstoneError):
    """Something is away or behind: try again."""


class Broken(TouchstoneError):
    """An invariant does not hold: stop, and wake a person."""
