"""The log: one line a message, with its fields and without secrets."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml4t.core import ConfigError
from ml4t.live.logs import LogConfig, Logs, LogStyle
from ml4t.live.secrets import Redactor, Secret

CANARY = "canary-77aa-never-shown"
LOG = logging.getLogger("ml4t.test")


@pytest.fixture
def redactor() -> Redactor:
    """One that knows the canary."""
    redactor = Redactor()
    redactor.learn(Secret(CANARY))
    return redactor


@pytest.fixture(params=LogStyle)
def told(request: pytest.FixtureRequest, redactor: Redactor) -> Iterator[io.StringIO]:
    """What is written to the terminal in each style."""
    stream = io.StringIO()
    with Logs(LogConfig(style=request.param, level="DEBUG"), redactor, stream=stream):
        yield stream


@pytest.fixture
def lines(redactor: Redactor) -> Iterator[io.StringIO]:
    """What is written as JSON."""
    stream = io.StringIO()
    with Logs(LogConfig(style=LogStyle.JSON, level="DEBUG"), redactor, stream=stream):
        yield stream


def test_a_line_has_time_level_logger_event_and_the_extra_fields(lines: io.StringIO) -> None:
    LOG.warning("%s is stale", "SPY", extra={"asset": "SPY", "age": 2.5, "tags": ("a", None)})

    line = json.loads(lines.getvalue())
    assert line.pop("ts").endswith("Z")
    assert {
        "level": "WARNING",
        "logger": "ml4t.test",
        "event": "SPY is stale",
        "asset": "SPY",
        "age": 2.5,
        "tags": ["a", None],
    } == line


def test_an_extra_field_does_not_replace_what_the_log_says(lines: io.StringIO) -> None:
    LOG.info("true", extra={"event": "false", "level": "false"})

    line = json.loads(lines.getvalue())
    assert ("true", "INFO") == (line["event"], line["level"])


def test_a_message_is_one_line_whatever_is_in_it(told: io.StringIO) -> None:
    LOG.info("a\nb\x1b[31m\r", extra={"text": "c\nd"})

    assert 1 == told.getvalue().count("\n")
    assert "\x1b" not in told.getvalue()


def test_secrets_are_masked_in_message_arguments_fields_and_keys(told: io.StringIO) -> None:
    LOG.info(f"in {CANARY}")
    LOG.info("in %s", CANARY)
    LOG.info("in %(name)s", {"name": CANARY})
    LOG.info("in", extra={"a": CANARY, "b": [{CANARY: {CANARY}}], "c": Secret(CANARY)})
    LOG.info("in", extra={"d": ValueError(CANARY)})

    assert 5 == told.getvalue().count("\n")
    assert CANARY not in told.getvalue()
    assert "***" in told.getvalue()


def test_secrets_are_masked_in_exceptions_and_stacks(told: io.StringIO) -> None:
    inner, outer = ValueError(CANARY), RuntimeError("outer")
    outer.__cause__ = inner
    LOG.error("failed with %s", CANARY, exc_info=outer, stack_info=True)

    assert "RuntimeError: outer" in told.getvalue()
    assert "ValueError: ***" in told.getvalue()
    assert CANARY not in told.getvalue()


def test_the_messages_of_other_packages_are_masked_too(told: io.StringIO) -> None:
    logging.getLogger("some.vendor").error("POST failed, headers: api_key=abc123xyz")

    assert "abc123xyz" not in told.getvalue()


def test_arguments_that_do_not_fit_are_written_all_the_same(lines: io.StringIO) -> None:
    LOG.info("%d %d", "one", extra={})

    assert "%d %d ('one',)" == json.loads(lines.getvalue())["event"]


def test_the_file_is_json_and_private_and_rotates(tmp_path: Path, redactor: Redactor) -> None:
    path = tmp_path / "logs" / "run.jsonl"
    config = LogConfig(file=path, max_bytes=300, backups=1)

    with Logs(config, redactor, stream=io.StringIO()):
        for number in range(6):
            LOG.info("number %d %s", number, CANARY)

    written = sorted(path.parent.iterdir())
    assert ["run.jsonl", "run.jsonl.1"] == [file.name for file in written]
    assert {0o600} == {file.stat().st_mode & 0o777 for file in written}
    assert "number 5 ***" == json.loads(path.read_text().splitlines()[-1])["event"]


def test_afterwards_the_handlers_are_gone(redactor: Redactor) -> None:
    root = logging.getLogger()
    before = (list(root.handlers), root.level)

    with Logs(LogConfig(level="DEBUG"), redactor, stream=io.StringIO()):
        assert len(before[0]) + 1 == len(root.handlers)

    assert before == (list(root.handlers), root.level)


def test_what_lies_under_the_level_is_not_written(redactor: Redactor) -> None:
    stream = io.StringIO()
    with Logs(LogConfig(level="WARNING"), redactor, stream=stream):
        LOG.info("quiet")

    assert "" == stream.getvalue()


@pytest.mark.parametrize("wrong", [{"level": "LOUD"}, {"max_bytes": 0}, {"backups": 0}])
def test_an_impossible_configuration_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="must be"):
        LogConfig(**wrong)  # type: ignore[arg-type]


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path, redactor: Redactor) -> None:
    with pytest.raises(ConfigError, match="cannot write the log"):
        Logs(LogConfig(file=tmp_path), redactor)
