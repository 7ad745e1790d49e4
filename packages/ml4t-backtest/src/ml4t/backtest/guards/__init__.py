"""Checks of a backtest from outside: does it look ahead, and does it come out the same again?"""
