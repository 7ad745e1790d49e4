"""How fast the backtest is, against bare loops and against other libraries."""
