"""What a backtest assumes: defaults, the form of a file, and messages that name file and key."""

from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml4t.backtest import (
    BacktestConfig,
    BasisPoints,
    CashAccount,
    FixedAmount,
    MarginAccount,
    NextBarClose,
    NextBarOpen,
    NoCommission,
    NoCutoff,
    NoSlippage,
    Percentage,
    PerShare,
    PerTrade,
    RejectOrder,
    SameBarClose,
    TrimOrder,
)
from ml4t.core import ConfigError
from ml4t.simulation import (
    Adaptive,
    BarAfterEntry,
    BestCase,
    CapAtLimit,
    CloseConfirms,
    CloseFills,
    CloseOnly,
    ClosingCutoff,
    CombinedCommission,
    CombinedSlippage,
    Delayed,
    EntryBar,
    EntryBarWhereClear,
    ForEachOrder,
    HalfSpread,
    HalfSpreadBps,
    IbkrFixed,
    IbkrTiered,
    LinearImpact,
    MarketAssumptions,
    MaximumPerOrder,
    MinimumPerExecution,
    MinimumPerOrder,
    NextBarTests,
    NoFinancing,
    NoImpact,
    NotAtOpen,
    OpenHighLowClose,
    OpenLowHighClose,
    PerContract,
    PerOrder,
    PreviewedCashAccount,
    ReversalConfirms,
    ShortInterest,
    ShortInterestOnCost,
    SquareRootImpact,
    StaysTriggered,
    SubmissionOrder,
    Tier,
    TieredPerShare,
    TouchedAnew,
    TouchFills,
    TradedBars,
    TradeThroughFills,
    TrailAlongPath,
    TrailFromClose,
    TrailFromExtreme,
    UncheckedAccount,
    UnitsPerBar,
    Unlimited,
    VolatilitySlippage,
    VolumeImpact,
    VolumeShare,
    WaitBeyond,
    WithinBar,
    WorstCase,
)

KINDS: dict[str, list[Any]] = {
    "timing": [NextBarOpen(), NextBarClose(), SameBarClose(), Delayed(2, NextBarClose())],
    "slippage": [
        NoSlippage(),
        BasisPoints(5),
        FixedAmount(0.01),
        HalfSpread(0.02),
        HalfSpreadBps(2),
        VolumeImpact(0.1, share_limit=0.025),
        VolumeImpact(),
        VolatilitySlippage(0.1, length=20),
        WithinBar(BasisPoints(5)),
        NotAtOpen(WithinBar(FixedAmount(0.01))),
        CombinedSlippage([HalfSpreadBps(2), VolatilitySlippage(0.1)]),
    ],
    "commission": [
        NoCommission(),
        Percentage(0.001),
        PerShare(0.005, 1.0),
        PerShare(0.005, 1.0, 0.01),
        PerTrade(5.0),
        PerOrder(5.0),
        PerContract(0.85),
        TieredPerShare((Tier(0, 0.0035), Tier(300_000, 0.002)), 10_000),
        IbkrFixed(),
        IbkrTiered(400_000),
        MinimumPerExecution(Percentage(0.001), 5.0),
        MinimumPerOrder(MaximumPerOrder(PerShare(0.005), 0.01), 1.0),
        CombinedCommission([PerContract(0.85), PerOrder(0.3)]),
    ],
    "account": [
        CashAccount(),
        CashAccount(shortfall=RejectOrder()),
        MarginAccount(),
        MarginAccount(initial_margin=0.25, shortfall=RejectOrder()),
        UncheckedAccount(),
        PreviewedCashAccount(),
    ],
    "path": [
        WorstCase(),
        BestCase(),
        OpenHighLowClose(),
        OpenLowHighClose(),
        Adaptive(),
        SubmissionOrder(),
        CloseOnly(),
    ],
    "children": [EntryBar(), BarAfterEntry(), EntryBarWhereClear()],
    "trailing": [TrailAlongPath(), TrailFromClose(), TrailFromExtreme()],
    "impact": [NoImpact(), LinearImpact(0.1), SquareRootImpact(), SquareRootImpact(1.0, 0.02, 5)],
    "participation": [
        Unlimited(),
        TradedBars(),
        VolumeShare(0.1),
        UnitsPerBar(1_000),
        ForEachOrder(UnitsPerBar(1_000)),
    ],
    "limits": [TouchFills(), TradeThroughFills()],
    "limit_costs": [CapAtLimit(), WaitBeyond()],
    "stop_limits": [CloseConfirms(), ReversalConfirms(), NextBarTests(), CloseFills()],
    "cutoff": [NoCutoff(), ClosingCutoff(5)],
    "partial_stops": [StaysTriggered(), TouchedAnew()],
    "financing": [
        NoFinancing(),
        ShortInterest(0.05),
        ShortInterest(0.05, basis=360),
        ShortInterestOnCost(0.05),
    ],
}


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Reads a configuration from the text of a file, ``config.toml``."""

    def read(text: str) -> BacktestConfig:
        path = tmp_path / "config.toml"
        path.write_text(text)
        return BacktestConfig.from_toml(path)

    return read


def test_the_defaults_are_a_cash_account_the_next_open_and_no_costs() -> None:
    config = BacktestConfig()

    assert config == BacktestConfig(
        initial_cash=100_000.0,
        account=CashAccount(shortfall=TrimOrder()),
        timing=NextBarOpen(),
        slippage=NoSlippage(),
        commission=NoCommission(),
    )
    assert config.free_of_costs


@pytest.mark.parametrize("cost", [{"slippage": BasisPoints(1)}, {"commission": PerTrade(1.0)}])
def test_one_cost_is_enough_not_to_be_free(cost: dict[str, Any]) -> None:
    assert not BacktestConfig(**cost).free_of_costs


@pytest.mark.parametrize(
    "cost",
    [{"impact": LinearImpact(0.1)}, {"financing": ShortInterest(0.05)}],
    ids=["impact", "financing"],
)
def test_impact_and_financing_are_costs(cost: dict[str, Any]) -> None:
    assert not BacktestConfig(**cost).free_of_costs


def test_every_question_about_the_market_has_an_answer_here() -> None:
    """But for the exits and the risk limits, which have tests of their own."""
    questions = {field.name for field in attrs.fields(MarketAssumptions)}

    assert KINDS.keys() == questions - {"exits", "risk"}


@pytest.mark.parametrize("cash", [0, -1, float("nan"), float("inf")])
def test_the_initial_cash_must_be_positive_and_finite(cash: float) -> None:
    with pytest.raises(ConfigError, match="initial_cash must be positive and finite"):
        BacktestConfig(initial_cash=cash)


def test_an_empty_file_gives_the_defaults(read: Any) -> None:
    assert read("") == BacktestConfig()


def test_a_file_names_kinds_as_text_or_as_tables(read: Any) -> None:
    config = read(
        """
        initial_cash = 50_000
        timing = "next_bar_close"
        account = { kind = "cash_account", shortfall = "reject_order" }
        slippage = { kind = "basis_points", bps = 5 }

        [commission]
        kind = "per_share"
        amount = 0.005
        minimum = 1
        """
    )

    assert config == BacktestConfig(
        initial_cash=50_000,
        timing=NextBarClose(),
        account=CashAccount(shortfall=RejectOrder()),
        slippage=BasisPoints(5),
        commission=PerShare(0.005, minimum=1.0),
    )


@pytest.mark.parametrize(
    ("question", "answer"),
    [(question, answer) for question, answers in KINDS.items() for answer in answers],
    ids=str,
)
def test_every_kind_comes_back_from_its_plain_form(question: str, answer: Any) -> None:
    config = BacktestConfig(**{question: answer})

    table = config.to_dict()

    assert BacktestConfig.from_dict(table, source="a test") == config
    assert table[question]["kind"] == type_name(answer)  # type: ignore[index]


def type_name(answer: object) -> str:
    words = "".join(
        f" {letter}" if letter.isupper() else letter for letter in type(answer).__name__
    )
    return "_".join(words.lower().split())


@given(cash=st.floats(1.0, 1e12), answers=st.tuples(*map(st.sampled_from, KINDS.values())))
def test_every_configuration_comes_back_from_its_plain_form(
    cash: float, answers: tuple[Any, ...]
) -> None:
    config = BacktestConfig(initial_cash=cash, **dict(zip(KINDS, answers, strict=True)))

    assert BacktestConfig.from_dict(config.to_dict(), source="a test") == config


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("initial_cash = 0", "initial_cash must be positive and finite, was 0.0"),
        ('initial_cash = "much"', "expected a number, was 'much' at initial_cash"),
        ("initial_cash = true", "expected a number, was True at initial_cash"),
        ("cash = 1", "unknown key cash, known are timing, slippage"),
        ('timing = "yesterday"', "kind must be one of next_bar_open, next_bar_close"),
        ('timing = "yesterday"', "was 'yesterday' at timing"),
        ("timing = 3", "expected the name of a kind or a table with `kind`, was 3 at timing"),
        ("[timing]\nopen = true", "expected the name of a kind or a table with `kind`"),
        ("[slippage]\nkind = 3", "kind must be one of no_slippage"),
        ("[slippage]\nkind = []", "kind must be one of no_slippage"),
        ('slippage = "basis_points"', "the key 'bps' is missing at slippage"),
        ('[slippage]\nkind = "basis_points"\nbps = -1', "bps of BasisPoints must be at least 0"),
        ('[slippage]\nkind = "basis_points"\nbps = nan', "bps of BasisPoints must be at least 0"),
        ('[slippage]\nkind = "basis_points"\nbps = "5"', "expected a number, was '5' at slippage"),
        ('[slippage]\nkind = "basis_points"\nbps = 5\nb = 1', "unknown key b, known are bps"),
        ('[account]\nkind = "margin_account"\ninitial_margin = 0', "initial_margin of Margin"),
        ('[account]\nkind = "cash_account"\nshortfall = "hope"', "one of trim_order, reject_order"),
        ('[account]\nkind = "cash_account"\nshortfall = "hope"', "at account.shortfall"),
        ("initial_cash = = 1", "is not valid TOML"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_key(text: str, said: str, read: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)

    assert said in str(caught.value)
    assert "config.toml" in str(caught.value)
    assert not str(caught.value).rstrip().endswith("@")


def test_all_mistakes_are_told_at_once(read: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"at timing.*; .*at initial_cash|at initial_cash.*; "
    ) as e:
        read('timing = "yesterday"\ninitial_cash = "much"')

    assert "at timing" in str(e.value)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the configuration .*missing\.toml"):
        BacktestConfig.from_toml(tmp_path / "missing.toml")
