"""Makes docs/benchmarks.svg from the results: bar charts for light and dark mode. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from bench.project import OPERATIONS
from bench.results import Case, Results, counted

WIDTH, HEIGHT, LEFT, TOP, BAR, LABEL = 800, 180, 10, 34, 34, 20
NAMESPACE = "http://www.w3.org/2000/svg"
STYLE = """<style>
text { font: 11px sans-serif; fill: #24292f; text-anchor: middle }
.title { font-size: 13px; text-anchor: start }
.axis { stroke: #8c959f }
.s0 { fill: #54aeff } .s1 { fill: #2da44e } .s2 { fill: #bf8700 } .s3 { fill: #cf222e }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }
</style>"""


@dataclass(frozen=True)
class Chart:
    """A grouped bar chart: by series, a value for each of the `groups`."""

    title: str
    groups: Sequence[str]
    series: Mapping[str, Sequence[float]]


def plot(results: Results) -> str:
    """Returns an SVG with a chart of the calls, and one of the time at each latency."""
    charts = [_calls(results), *(_times(results, latency) for latency in results.latencies)]
    height = len(charts) * (HEIGHT + TOP + LABEL)
    return "\n".join(
        [
            f'<svg xmlns="{NAMESPACE}" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">',
            STYLE,
            *(line for at, chart in enumerate(charts) for line in _drawn(chart, at * (HEIGHT + TOP + LABEL))),
            "</svg>\n",
        ]
    )


def _calls(results: Results) -> Chart:
    stacks, latency = results.stacks, min(results.latencies)
    series = {
        counted(size): [stacks[Case(size, latency)].count(operation, "calls").median for operation in OPERATIONS]
        for size in results.sizes
    }
    return Chart("Requests and statements an object", list(OPERATIONS), series)


def _times(results: Results, latency: float) -> Chart:
    series = {
        counted(size): [results.stacks[Case(size, latency)].to_trivial(operation).median for operation in OPERATIONS]
        for size in results.sizes
    }
    title = f"Time for each second of a trivial program, {latency * 1000:g} ms added to each call"
    return Chart(title, list(OPERATIONS), series)


def _drawn(chart: Chart, top: int) -> Iterator[str]:
    base = top + TOP + HEIGHT - LABEL
    yield f'<text class="title" x="{LEFT}" y="{top + 16}">{escape(chart.title)}</text>'
    yield from _legend(chart, top + 16)
    most = max(max(values) for values in chart.series.values()) or 1.0
    step = (WIDTH - 2 * LEFT) / len(chart.groups)
    for at, group in enumerate(chart.groups):
        middle = LEFT + step * (at + 0.5)
        yield f'<text x="{middle:.0f}" y="{base + 16}">{escape(group)}</text>'
        for number, values in enumerate(chart.series.values()):
            x = middle + (number - len(chart.series) / 2) * BAR
            yield from _bar(number, x, base, values[at], values[at] / most * (HEIGHT - 2 * LABEL))
    yield f'<line class="axis" x1="{LEFT}" x2="{WIDTH - LEFT}" y1="{base}" y2="{base}"/>'


def _bar(series: int, x: float, base: int, value: float, height: float) -> Iterator[str]:
    yield f'<rect class="s{series % 4}" x="{x:.0f}" y="{base - height:.1f}" width="{BAR - 3}" height="{height:.1f}"/>'
    yield f'<text x="{x + BAR / 2 - 1:.0f}" y="{base - height - 3:.1f}">{label(value)}</text>'


def label(value: float) -> str:
    """Returns a number that fits above a bar."""
    return "0" if value == 0 else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _legend(chart: Chart, y: int) -> Iterator[str]:
    for at, name in enumerate(reversed(list(chart.series))):
        x, series = WIDTH - LEFT - 110 * (at + 1), len(chart.series) - 1 - at
        yield f'<rect class="s{series % 4}" x="{x}" y="{y - 9}" width="10" height="10"/>'
        yield f'<text x="{x + 58}" y="{y}">{escape(name)}</text>'
