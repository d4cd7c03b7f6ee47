"""A window against a list: what is under way, when it is shut, and when that has lasted for too long."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ticker.session.flow import Flow

DEADLINE_S = 10.0


class Flowing(RuleBasedStateMachine):
    """Messages are sent while it is open, acknowledged in any way, and looked at now and then."""

    @initialize(size=st.integers(1, 4))
    def begin(self, size: int) -> None:
        self.flow = Flow(size)
        self.sent: list[int] = []
        self.seq = 0
        self.now_s = 100.0
        self.shut_s: float | None = None  # when it was first seen shut, since it was last open or an ack helped

    @property
    def shut(self) -> bool:
        return len(self.sent) >= self.flow.size

    @precondition(lambda self: not self.shut)
    @rule(steps=st.integers(1, 3))
    def send(self, steps: int) -> None:
        self.seq += steps
        self.flow.sent(self.seq)
        self.sent.append(self.seq)

    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        seq = data.draw(st.integers(0, self.seq))
        self.flow.ack(seq)
        if [sent for sent in self.sent if sent <= seq]:
            self.shut_s = None
        self.sent = [sent for sent in self.sent if sent > seq]

    @rule(size=st.integers(1, 4))
    def resize(self, size: int) -> None:
        self.flow.resize(size)
        if not self.shut:
            self.shut_s = None

    @rule(seconds=st.sampled_from([0.25, 4.0, DEADLINE_S]))
    def look(self, seconds: float) -> None:
        self.now_s += seconds
        if not self.shut:
            self.shut_s = None
        elif self.shut_s is None:
            self.shut_s = self.now_s
        overdue = self.shut_s is not None and self.now_s - self.shut_s >= DEADLINE_S
        assert self.flow.overdue(self.now_s, DEADLINE_S) == overdue
        if overdue:
            self.shut_s = self.now_s

    @invariant()
    def it_knows_what_is_under_way(self) -> None:
        assert self.flow.unacked == len(self.sent)
        assert self.flow.shut == self.shut


TestFlowing = Flowing.TestCase
TestFlowing.settings = settings(deadline=None, max_examples=100, stateful_step_count=30)


def test_an_ack_is_cumulative_and_an_old_one_says_nothing_new() -> None:
    flow = Flow(3)
    for seq in (2, 5, 9):
        flow.sent(seq)
    assert flow.shut
    flow.ack(1)
    assert flow.unacked == 3
    flow.ack(6)
    assert (flow.unacked, flow.shut) == (1, False)
    flow.ack(5)
    assert flow.unacked == 1
    flow.ack(9)
    assert flow.unacked == 0


def test_it_is_overdue_once_a_deadline() -> None:
    flow = Flow(1)
    flow.sent(1)
    overdue = [now_s for now_s in range(50) if flow.overdue(now_s, DEADLINE_S)]
    assert overdue == [10, 20, 30, 40]


def test_an_ack_that_helps_grants_another_deadline_though_it_stays_shut() -> None:
    flow = Flow(2)
    for seq in (1, 2):
        flow.sent(seq)
    flow.resize(1)
    assert not flow.overdue(0, DEADLINE_S)
    flow.ack(1)
    assert flow.shut
    assert [now_s for now_s in range(1, 25) if flow.overdue(now_s, DEADLINE_S)] == [11, 21]


def test_a_window_that_was_opened_wider_and_fills_again_has_not_been_shut_all_the_while() -> None:
    flow = Flow(1)
    flow.sent(1)
    assert not flow.overdue(0, DEADLINE_S)
    flow.resize(2)
    flow.sent(2)
    assert flow.shut
    assert not flow.overdue(DEADLINE_S, DEADLINE_S)
