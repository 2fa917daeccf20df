"""The benchmarks from the schedule to the report."""

from __future__ import annotations

import argparse
import re
from datetime import date
from xml.etree import ElementTree

import pytest

from bench.__main__ import facts, main, numbers
from bench.measure import Life
from bench.plot import label, plot
from bench.project import OPERATIONS, product, trivial
from bench.report import report, shown
from bench.results import Case, Measured, Results, Spread
from bench.schedule import Schedule
from bench.shape import objects, shape
from bench.stack import configuration, make_tables
from bench.traffic import Counts

URN = "urn:pulumi:bench::p::"
STATE = [
    {"urn": f"{URN}pulumi:pulumi:Stack::p-bench", "type": "pulumi:pulumi:Stack"},
    {"urn": f"{URN}pulumi:providers:pulumi-python::c", "type": "pulumi:providers:pulumi-python", "custom": True},
    {"urn": f"{URN}a:b:Group::group", "type": "a:b:Group", "parent": f"{URN}pulumi:pulumi:Stack::p-bench"},
    {"urn": f"{URN}a:b:Group$x::one", "type": "x", "custom": True, "parent": f"{URN}a:b:Group::group"},
    {"urn": f"{URN}x::two", "type": "x", "custom": True, "dependencies": [f"{URN}a:b:Group$x::one"]},
]


def test_a_shape_lists_names_parents_and_dependencies():
    assert shape(STATE) == [
        {"name": "group", "parent": None, "needs": [], "component": True},
        {"name": "one", "parent": "group", "needs": [], "component": False},
        {"name": "two", "parent": None, "needs": ["one"], "component": False},
    ]


def test_objects_are_neither_components_nor_connections():
    assert [each["urn"].rpartition("::")[2] for each in objects(STATE)] == ["one", "two"]


@pytest.mark.parametrize(
    ("runs", "until", "turns"),
    [
        (1, 100, "AB"),
        (3, 1000, "ABABAB"),
        (3, 0, "AB"),  # each is measured once for any time limit
        (3, 14, "ABAA"),  # A takes 1 and B 10
    ],
)
def test_each_case_is_measured_once_and_repeated_while_time_remains(runs, until, turns, fake_clock):
    fake_clock.time = 0.0
    taken = ""
    for turn in Schedule(runs, until, lambda: fake_clock.time).turns("AB"):
        taken += turn
        fake_clock.sleep({"A": 1, "B": 10}[turn])
    assert taken == turns


@pytest.mark.parametrize(
    ("values", "text"),
    [([1.0], "1.0"), ([1.0, 1.01], "1.0"), ([1.0, 3.0, 2.0], "2.0 (1.0–3.0)"), ([12345.0], "12,345.0")],
)
def test_a_spread_is_shown_when_values_differ(values, text):
    assert shown(Spread.of(values), 1) == text


def measured(objects, calls, seconds):
    counts = {operation: Counts(requests=calls, statements=calls, bytes=1000) for operation in OPERATIONS}
    times = dict.fromkeys(OPERATIONS, seconds)
    floors = {**dict.fromkeys(OPERATIONS, 0.5), "preview": 0.0}
    lived = Life(objects, objects * 500, counts, times, floors, [])
    return Measured([lived, lived], [dict.fromkeys(OPERATIONS, 2.0), dict.fromkeys(OPERATIONS, 4.0)])


@pytest.fixture
def results():
    stacks = {
        Case(1, 0.0): measured(10, 20, 4.0),
        Case(1, 0.02): measured(10, 20, 8.0),
        Case(20, 0.0): measured(124, 248, 12.0),
        Case(20, 0.02): measured(124, 248, 24.0),
    }
    return Results({"cores": "2"}, stacks, {10_000: [5000.0, 7000.0]})


@pytest.mark.parametrize(
    "row",
    [
        "| cores | 2 |",
        "| create | 20 | 124 | 4.00 | 2.00 | 2.00 | 0.00 | 8 | 496 |",
        "| 20 | 124 | 500 |",
        "| create | 1 | 20 ms | 2 | 8.0 | 3.0 (2.0–4.0) | 16.0 |",
        "| preview | 20 | 0 ms | 2 | 12.0 | 4.5 (3.0–6.0) | no calls |",
        "| 10,000 | 2 | 6,000 (5,000–7,000) |",
    ],
)
def test_the_report_has_every_number_in_a_table(results, row):
    assert row in report(results).splitlines()


def test_the_counts_appear_once_and_the_time_for_each_latency(results):
    lines = report(results).splitlines()
    assert len([line for line in lines if line.startswith("| refresh | 20 |")]) == 1 + 2


def test_the_plot_has_a_bar_for_each_operation_and_size_of_each_chart(results):
    drawn = ElementTree.fromstring(plot(results))
    bars = [each for each in drawn.iter("{http://www.w3.org/2000/svg}rect") if each.get("width") != "10"]
    assert len(bars) == len(OPERATIONS) * 2 * 3
    assert {each.get("class") for each in bars} == {"s0", "s1"}
    assert max(float(each.get("height")) for each in bars) > 100


@pytest.mark.parametrize(("value", "text"), [(0.0, "0"), (0.0066, "0.01"), (9.914, "9.91"), (1234.5, "1234")])
def test_a_label_of_the_plot_fits_above_its_bar(value, text):
    assert label(value) == text


def test_the_plot_has_colours_for_dark_mode(results):
    assert re.search(r"prefers-color-scheme: dark\) \{ text \{ fill: #\w+ \} \}", plot(results))


def test_a_list_of_numbers_is_parsed():
    assert numbers("1,20,100") == [1, 20, 100]
    with pytest.raises(argparse.ArgumentTypeError, match="'1,b' is no list of numbers"):
        numbers("1,b")


def test_the_trivial_program_has_the_shape_of_the_stack(found, services, tmp_path):
    make_tables(services, 2)
    ours, theirs = product(found, tmp_path, services), trivial(found, tmp_path)
    ours.configure(configuration(services, 2))
    ours.run(*OPERATIONS["create"])
    theirs.declare(shape(ours.state()))
    theirs.run(*OPERATIONS["create"])
    assert sorted(shape(theirs.state()), key=str) == sorted(shape(ours.state()), key=str)


def test_the_command_measures_and_writes_both_files(found, tmp_path, capsys):
    sizes = ["--collections", "1", "--latency", "0", "--rows", "100", "--runs", "1"]
    assert main([*sizes, "--into", str(tmp_path / "docs")]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == str(tmp_path / "docs" / "benchmarks.md")
    assert "1 collection, 0 ms: create: " in captured.err
    text = (tmp_path / "docs" / "benchmarks.md").read_text()
    assert f"| engine | {facts(found, date.today())['engine']} |" in text
    assert text.count("\n| create | 1 |") == 2
    ElementTree.parse(tmp_path / "docs" / "benchmarks.svg")
