"""A key that a vendor's library puts into its errors is written nowhere."""

import json
from types import SimpleNamespace

import pytest

from ml4t.core.errors import VenueRefusedError, VenueUnavailableError
from ml4t.core.orders import OrderStatus as S
from ml4t.core.venue_events import AccountRestriction, ConnectionChange, Environment, FillBust
from ml4t.live.journal import Journal, JournalOwner, StateDirectory
from ml4t.live.live_cli.engine import EngineParts, make_engine
from ml4t.live.secrets import Redactor, Secret
from ml4t.live.testing import At
from ml4t.live.testing.execution_faults import RefuseOrder

CANARY = "canary-77aa-never-shown"
TEXT = f"GET https://venue/orders?x={CANARY}"


def tell(step):
    raise LookupError(TEXT)


@pytest.fixture
def on_disk(tmp_path, play, script):
    """Play a scene with a journal on disk and a redactor that knows the key."""

    def on_disk(act, *steps, **parts):
        async def begin(scene):
            redactor = Redactor()
            redactor.learn(Secret(CANARY))
            await scene.stop()
            state = StateDirectory(tmp_path)
            owner = JournalOwner(account_id="SIM-1", environment=Environment.PAPER, broker="s")
            with state.lock("SIM-1"):
                journal = Journal.open(state.journal, owner, scene.clock)
                await scene.restart(journal)
                scene.engine.account.redact = redactor
                await scene.pass_time(3)
                await act(scene)
                status = json.dumps(scene.engine.status())
                await scene.stop(TEXT)
                journal.close()
            written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
            assert all(CANARY.encode() not in each for each in written)
            assert b"***" in b"".join(written)
            assert CANARY not in status
            assert all(CANARY not in alert.message for alert in scene.alerts)

        play(begin, *steps, **parts)

    return on_disk


@pytest.mark.parametrize("kind", [ValueError, VenueUnavailableError, VenueRefusedError])
def test_an_error_of_the_adapter(on_disk, kind):
    async def act(scene):
        async def leaky(*_):
            raise kind(TEXT)

        scene.broker.submit = scene.broker.account = leaky
        order = await scene.submit(1)
        assert order.status is S.UNKNOWN
        await scene.pass_time(60)
        del scene.broker.submit, scene.broker.account
        assert any("***" in alert.message for alert in scene.alerts)

    on_disk(act)


def test_what_the_venue_says_of_itself(on_disk):
    async def act(scene):
        order = await scene.submit(1)
        assert (order.status, order.reason) == (S.REJECTED, TEXT.replace(CANARY, "***"))
        other = await scene.holding(5)
        fill = next(iter(scene.book.fills.values()))
        assert fill.order_id == other.id
        scene.hear(
            FillBust(fill_id=fill.id, reason=TEXT),
            ConnectionChange(is_up=False, reason=TEXT),
            AccountRestriction(reason=TEXT),
        )
        await scene.pass_time(1)
        assert scene.causes == {"disconnected": "REDUCING", "account": "HALTED!"}

    on_disk(act, At(call="acceptance", do=RefuseOrder(reason=TEXT)))


def test_an_error_of_the_strategy(on_disk, script):
    async def act(scene):
        await scene.pass_time(300)
        assert scene.causes == {"strategy": "REDUCING!"}

    on_disk(act, strategy=script(tell))


def test_the_command_gives_the_engine_the_redactor_that_knows_the_keys(play):
    async def act(scene):
        redactor, engine = Redactor(), scene.engine
        redactor.learn(Secret(CANARY))
        told = SimpleNamespace(broker=engine.broker, feed=engine.feed, calendar=engine.calendar)
        parts = EngineParts(
            strategy=scene.strategy,
            config=engine.config,
            assembly=told,
            journal=scene.journal,
            state=None,
            clock=scene.clock,
            redact=redactor,
        )
        assert make_engine(parts).account.redact(CANARY) == "***"

    play(act)
