"""Numbers exchanged per round follow the stated formulas, and nothing is made up."""

from __future__ import annotations

import pytest
from support.record_builders import make_ladder, make_record

from planbench.debate.page import debate_sections, exchanges, range_words
from planbench.report.html import render_report
from planbench.report.results import aggregate

# make_record: activities 2n, resources 5, targets 1, non-zeros given.
N = 1000


def planner(solver, goods=N, **changes):
    fields = {"iterations": {"rounds": 7}, "nonzeros": 22 * goods, "key": f"{solver} {goods}"}
    return make_record(solver, f"gen:goods={goods}", goods=goods, **(fields | changes))


def only(rows):
    (found,) = exchanges(aggregate(rows))
    return found


def test_price_adjustment_tells_prices_and_levels():
    found = only([planner("primal-dual")])
    assert found.down == (N + 5, N + 5)
    assert found.up == (2 * N + 1, 2 * N + 1)
    assert found.total == (7 * (3 * N + 6),) * 2
    assert found.sideways is None
    assert found.everything == 22 * N + N + 5 + 2 * N + 1


def test_two_level_gives_a_range_and_what_passes_between_sectors():
    """The number of close techniques is not recorded, so no single figure may stand there."""
    found = only([planner("two-level", iterations={"rounds": 4, "passes": 80})])
    assert found.down == (5, 5 + 2 * N + 1)
    assert found.up == (5, 5 + (2 * N + 1) * 7)
    assert found.sideways == 80 * 22 * N
    assert only([planner("two-level")]).sideways is None


def test_material_balances_tell_outputs_and_needs():
    found = only([planner("material-balances", verdict="loose", raw_gap=0.4)])
    assert (found.down, found.up) == ((N, N), (11 * N, 11 * N))


def test_largest_finished_economy_stands_for_a_planner():
    rows = [planner("primal-dual", 100), planner("primal-dual", 3000, ended="timeout")]
    assert only([*rows, planner("primal-dual", 500)]).result.goods == 500


@pytest.mark.parametrize("changes", [{"iterations": {}}, {"goods": None}])
def test_nothing_is_said_without_rounds_or_sizes(changes):
    """Rounds that were not recorded must not be invented."""
    row = make_record("primal-dual", **({"iterations": {"rounds": 7}} | changes))
    assert exchanges(aggregate([row])) == []


def test_general_solvers_exchange_nothing():
    assert exchanges(aggregate(make_ladder())) == []


def test_page_has_the_note_only_where_planners_took_part():
    rows = [planner("two-level"), planner("primal-dual")]
    page = render_report(rows, title="x", extra=debate_sections(rows))
    assert "Hayek" in page
    assert "K to K + m + T" in page
    general = make_ladder()
    page = render_report(general, title="x", extra=debate_sections(general))
    assert "Messages exchanged" not in page


def test_ranges_in_words():
    assert range_words((7, 7)) == "7"
    assert range_words((5, 12345)) == "5 to 12,345"
