"""Whether a strategy decides again as it did when it was recorded."""

import builtins
from collections.abc import Callable, Mapping
from typing import TypeVar, cast

import attrs

from ml4t.core import errors
from ml4t.core.broker import BrokerProtocol
from ml4t.core.errors import StrategyError
from ml4t.core.strategy import Strategy
from ml4t.live.recording.broker import WatchedBroker
from ml4t.live.recording.reading import RecordedCall, RecordedCallback, Recording
from ml4t.live.recording.recorder import error_text
from ml4t.live.recording.values import as_text, from_text

__all__ = ["DecisionCheck", "Difference", "check_decisions"]

T = TypeVar("T")

_NOTHING = "nothing more"


@attrs.frozen(kw_only=True)
class Difference:
    """The first place where a strategy did something else than it did in the recording.

    Attributes:
        place: which call of the strategy, with the timestamp of the bars.
        expected: what it did then.
        found: what it does now.
    """

    place: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.place}: expected {self.expected}, found {self.found}"


@attrs.frozen(kw_only=True)
class DecisionCheck:
    """What became of playing a recording to a strategy.

    Attributes:
        callbacks: how many calls of the strategy were compared.
        calls: how many of its calls of the broker were the same.
        difference: the first that was not; None where all were.
    """

    callbacks: int
    calls: int
    difference: Difference | None

    @property
    def is_same(self) -> bool:
        """Whether every decision was the same."""
        return self.difference is None


class _DifferentCallError(StrategyError):
    """The strategy made another call; what it would have been answered is not known."""


def check_decisions(recording: Recording, strategy: Strategy) -> DecisionCheck:
    """Call a new strategy as the recorded one was called, with a broker that knows the answers.

    It ends at the first difference, since nobody knows what the broker would have answered then.

    Args:
        recording: of the run.
        strategy: made anew; it is used up.
    """
    callbacks = calls = 0
    for callback in recording.callbacks():
        broker = _AnsweringBroker(callback)
        error = _call(strategy, callback, broker)
        callbacks += 1
        calls += broker.answered
        difference = broker.what_is_left() or _end(callback, error)
        if difference is not None:
            return DecisionCheck(callbacks=callbacks, calls=calls, difference=difference)
    return DecisionCheck(callbacks=callbacks, calls=calls, difference=None)


def _call(
    strategy: Strategy, callback: RecordedCallback, broker: "_AnsweringBroker"
) -> BaseException | None:
    told = callback.told
    try:
        match callback.name:
            case "on_data":
                assert callback.data is not None  # noqa: S101 - the reader gives it
                context = told["context"]
                strategy.on_data(callback.data.timestamp, callback.data, context, broker)
            case "on_order":
                strategy.on_order(told, broker)
            case "on_fill":
                strategy.on_fill(told, broker)
            case "on_start":
                strategy.on_start(broker)
            case _:
                strategy.on_end(broker)
    # The strategy's own code: that it raises the same is part of what is compared.
    except Exception as error:  # noqa: BLE001
        return error
    return None


def _end(callback: RecordedCallback, error: BaseException | None) -> Difference | None:
    """How the end of a callback differs; one that never ended differs from nothing."""
    found = error_text(error)
    if not callback.ended or found == callback.error:
        return None
    return Difference(
        place=callback.place,
        expected=f"it raises {callback.error}" if callback.error else "it returns",
        found=f"it raises {found}" if found else "it returns",
    )


class _AnsweringBroker(WatchedBroker):
    """Answers what was asked in the recording, as it was answered there, and nothing else."""

    def __init__(self, callback: RecordedCallback) -> None:
        self.answered = 0
        self.difference: Difference | None = None
        self._callback = callback

    def pass_on(
        self,
        name: str,
        arguments: Mapping[str, object],
        ask: Callable[[BrokerProtocol], T],  # noqa: ARG002 - nobody is asked
    ) -> T:
        """Give the recorded answer, if this is the recorded call.

        Raises:
            StrategyError: it is another call.
            Exception: what the recorded call raised.
        """
        text, calls = as_text(arguments), self._callback.calls
        expected = calls[self.answered] if self.answered < len(calls) else None
        if expected is None or (expected.name, expected.arguments) != (name, text):
            self._differ(expected, _said(name, text))
            msg = f"{name} is not the recorded call"
            raise _DifferentCallError(msg)
        self.answered += 1
        if expected.error is not None:
            raise _error_of(expected.error)
        return cast("T", from_text(expected.answer or "null"))

    def what_is_left(self) -> Difference | None:
        """The first recorded call that was not made again."""
        calls = self._callback.calls
        if self.answered < len(calls) and self.difference is None:
            self._differ(calls[self.answered], _NOTHING)
        return self.difference

    def _differ(self, expected: RecordedCall | None, found: str) -> None:
        # Where the program ended, nobody knows what would have come next.
        if self.difference is None and (expected is not None or self._callback.ended):
            wanted = _NOTHING if expected is None else _said(expected.name, expected.arguments)
            self.difference = Difference(place=self._callback.place, expected=wanted, found=found)


def _said(name: str, arguments: str) -> str:
    """A call in words, with the arguments that were not left out."""
    given: Mapping[str, object] = from_text(arguments)
    told = [f"{key}={_short(value)}" for key, value in given.items() if _is_given(value)]
    return f"{name}({', '.join(told)})"


def _is_given(value: object) -> bool:
    return value is not None and value is not False and value != ""


def _short(value: object) -> str:
    name = getattr(value, "name", None)
    return name if isinstance(name, str) else repr(value)


def _error_of(text: str) -> Exception:
    """The recorded exception, of the same type where that is known here."""
    name, _, message = text.partition(": ")
    cls = getattr(errors, name, None) or getattr(builtins, name, None)
    if isinstance(cls, type) and issubclass(cls, Exception):
        try:
            return cls(message)
        except TypeError:
            pass
    return StrategyError(text)
