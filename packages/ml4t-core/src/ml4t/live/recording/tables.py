"""The tables of a recording."""

__all__ = ["SCHEMA", "VERSION"]

VERSION = 1
"""Of the tables, as ``PRAGMA user_version`` tells it."""

SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE callbacks (
    seq INTEGER PRIMARY KEY, name TEXT NOT NULL, at TEXT NOT NULL, told TEXT,
    ended INTEGER NOT NULL, error TEXT) STRICT;
CREATE TABLE bars (
    callback INTEGER NOT NULL REFERENCES callbacks (seq), asset TEXT NOT NULL,
    open REAL NOT NULL, high REAL NOT NULL, low REAL NOT NULL, close REAL NOT NULL, volume REAL,
    PRIMARY KEY (callback, asset)) STRICT, WITHOUT ROWID;
CREATE TABLE marks (
    callback INTEGER NOT NULL REFERENCES callbacks (seq), asset TEXT NOT NULL, mark REAL NOT NULL,
    PRIMARY KEY (callback, asset)) STRICT, WITHOUT ROWID;
CREATE VIEW missing AS
    SELECT callbacks.seq AS callback, asset.value AS asset
    FROM callbacks, json_each(callbacks.told, '$.map.universe') AS asset
    WHERE callbacks.name = 'on_data'
    EXCEPT SELECT callback, asset FROM bars;
CREATE TABLE calls (
    seq INTEGER PRIMARY KEY, callback INTEGER NOT NULL REFERENCES callbacks (seq),
    name TEXT NOT NULL, arguments TEXT NOT NULL, answer TEXT, error TEXT) STRICT;
CREATE TABLE executions (seq INTEGER PRIMARY KEY, fill TEXT NOT NULL) STRICT;
"""
"""Callbacks and calls are numbered together, in the order in which they happened. A call belongs to
the callback in which it was made. Bars and marks belong to an ``on_data``: a mark is the last price
of an asset whose bar was folded into later ones and so never shown. Executions are those of the
end, corrections included; a recording that was cut off has none.
"""
