import pytest

from providers.kit import Rejected, ResourceFailed, WaitTimeout, retry, retry_while_rejected, wait_until


def until_green(states, clock, **options):
    def not_ready_reason(state):
        if state == "failing":
            raise ResourceFailed("it broke")
        return None if state == "green" else f"health is {state}"

    seen = iter(states)
    return wait_until(lambda: next(seen), not_ready_reason, clock=clock, **{"timeout": 60, **options})


def test_wait_until_returns_the_ready_state(clock):
    assert until_green(["red", "yellow", "green"], clock) == "green"


def test_a_timeout_reports_the_last_reason_and_what_to_do(clock):
    with pytest.raises(WaitTimeout, match=r"health is yellow \(gave up after 3 s\); run `pulumi up` again to go on"):
        until_green(["red", "red", *["yellow"] * 20], clock, timeout=3, interval=1)


def test_wait_until_reports_each_new_reason_and_clears_the_last(clock):
    reported = []
    until_green(["red", "red", "yellow", "green"], clock, report=reported.append)
    assert reported == ["health is red", "health is yellow", ""]
    until_green(["green"], clock, report=reported.append)
    assert len(reported) == 3


def test_pauses_double_up_to_five_seconds(clock, fake_clock):
    until_green([*["red"] * 7, "green"], clock, interval=1)
    assert fake_clock.slept == [1, 2, 4, 5, 5, 5, 5]


def test_wait_until_stops_at_a_failure(clock, fake_clock):
    with pytest.raises(ResourceFailed):
        until_green(["failing"], clock)
    assert fake_clock.slept == []


def refusing(*reasons):
    """Returns an action that is rejected for each of these reasons in turn and then succeeds, and its list of calls."""
    left = [Rejected("DELETE /x", 409, reason) for reason in reasons]
    done = []

    def action():
        if left:
            raise left.pop(0)
        done.append(True)

    return action, done


def test_retry_reports_each_reason_and_clears_the_last(clock, fake_clock):
    (action, _), reported = refusing("busy", "busier"), []
    retry(action, lambda error: True, times=2, pause=1, clock=clock, report=reported.append)
    busy = ["trying again in 1 s: DELETE /x: busy (HTTP 409)", "trying again in 2 s: DELETE /x: busier (HTTP 409)"]
    assert reported == [*busy, ""]


def test_retry_while_rejected_repeats_a_rejected_request(clock, fake_clock):
    action, done = refusing("still in use", "still in use")
    retry_while_rejected(action, "in use", clock=clock)
    assert (done, fake_clock.slept) == ([True], [0.25, 0.5])


@pytest.mark.parametrize(("reasons", "slept"), [(["no permission"], 0), (["in use"] * 6, 5)])
def test_retry_while_rejected_stops_at_another_reason_or_after_five_pauses(clock, fake_clock, reasons, slept):
    action, done = refusing(*reasons)
    with pytest.raises(Rejected):
        retry_while_rejected(action, "in use", clock=clock)
    assert (done, len(fake_clock.slept)) == ([], slept)
