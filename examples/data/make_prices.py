"""Make ``us_stocks_daily.parquet`` from the S&P 500 sample that skfolio ships.

Run it with skfolio in a throw-away environment, from the repository's top folder::

    uv run --no-project --with skfolio --with pyarrow python examples/data/make_prices.py
"""

from datetime import timedelta
from pathlib import Path

import pandas as pd
from skfolio.datasets import load_sp500_dataset

TARGET = Path(__file__).with_name("us_stocks_daily.parquet")
CLOSING_BELL = timedelta(hours=16)


def main() -> None:
    """Write one row per day and stock: the close, stamped at the closing bell in New York."""
    wide = load_sp500_dataset().rename_axis(index="timestamp", columns="symbol")
    wide.index = (wide.index + CLOSING_BELL).tz_localize("America/New_York")
    long = wide.stack().rename("close").reset_index().sort_values(["timestamp", "symbol"])
    long["symbol"] = pd.Categorical(long["symbol"])
    long.to_parquet(TARGET, index=False, compression="zstd", compression_level=19)
    print(f"{len(long):,} rows, {long['symbol'].nunique()} stocks -> {TARGET}")


if __name__ == "__main__":
    main()
