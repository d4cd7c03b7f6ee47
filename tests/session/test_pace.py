"""A pace against a brute-force model: every position, every change of interest, what was read and what was lost."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ticker.interest import Interest
from ticker.session.messages import Recovered
from ticker.session.pace import Pace, Recovery, recovered

masks = st.integers(0, 15)


def interest(mask: int) -> Interest:
    return Interest((mask, mask >> 2))


class Pacing(RuleBasedStateMachine):
    """The tape grows, the interest changes at its head, and entries are read in turn or lost at the old end.

    What is owed of a position is what was wanted when it was published and has been wanted at every moment since, and
    what was asked for afterwards from before that position on.
    """

    @initialize(start=st.integers(0, 100), mask=masks)
    def begin(self, start: int, mask: int) -> None:
        self.head = self.cursor = start
        self.pace = Pace(start, interest(mask))
        self.wish = interest(mask)
        self.debts: dict[int, Interest] = {}
        self.recoveries: list[Recovery] = []
        self.dropped, self.since = 0, start

    def owed(self, seq: int) -> Interest:
        return self.debts.get(seq, self.wish)

    @rule(steps=st.integers(1, 4))
    def publish(self, steps: int) -> None:
        for _ in range(steps):
            self.head += 1
            self.debts[self.head] = self.wish

    @rule(mask=masks)
    def change(self, mask: int) -> None:
        self.pace.change(interest(mask), self.head)
        self.wish = interest(mask)
        self.debts = {seq: wanted & self.wish for seq, wanted in self.debts.items()}

    @rule(mask=masks, data=st.data())
    def recover(self, mask: int, data: st.DataObject) -> None:
        since = data.draw(st.integers(self.cursor, self.head))
        self.pace.widen(interest(mask), since)
        self.pace.recoveries.append(Recovery(since, self.head))
        self.recoveries.append(Recovery(since, self.head))
        self.wish = self.wish | interest(mask)
        self.debts = {seq: owed | interest(mask) if seq > since else owed for seq, owed in self.debts.items()}

    @rule()
    def tell(self) -> None:
        """Whoever asked for the past learns that it has been sent: once, and not before."""
        done = [recovery for recovery in self.recoveries if recovery.until <= self.cursor]
        assert self.pace.recovered() == done
        assert self.pace.recovered() == []
        self.recoveries = [recovery for recovery in self.recoveries if recovery.until > self.cursor]

    @precondition(lambda self: self.cursor < self.head)
    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        until = data.draw(st.integers(self.cursor + 1, self.head))
        stop = self.pace.stop(until)
        assert self.cursor < stop <= until
        assert {self.owed(seq) for seq in range(self.cursor + 1, stop + 1)} == {self.pace.interest}
        reached = data.draw(st.integers(self.cursor + 1, stop))  # a message may be full before
        self.pace.reached(reached)
        self.cursor = reached

    @precondition(lambda self: self.cursor < self.head)
    @rule(ticks=st.integers(0, 5))
    def lose(self, ticks: int) -> None:
        if not self.dropped:
            self.since = self.cursor
        assert self.pace.interest == self.owed(self.cursor + 1)
        self.pace.lose(self.cursor + 1, ticks)
        self.cursor += 1
        self.dropped += ticks

    @rule()
    def own_up(self) -> None:
        """The client has been told of the loss."""
        if self.dropped:
            assert self.pace.since == self.since
        self.pace.dropped = self.dropped = 0

    @invariant()
    def it_knows_where_it_is(self) -> None:
        assert (self.pace.cursor, self.pace.dropped) == (self.cursor, self.dropped)
        assert self.pace.interest == self.owed(self.cursor + 1)
        assert all(self.cursor < seq <= self.head for seq, _ in self.pace.turns)
        assert self.pace.stop(self.cursor) == self.cursor

    @invariant()
    def when_level_it_wants_what_was_last_asked_for(self) -> None:
        if self.cursor == self.head:
            assert self.pace.interest == self.wish
            assert self.pace.turns == []


TestPacing = Pacing.TestCase
TestPacing.settings = settings(deadline=None, max_examples=100, stateful_step_count=30)


@given(masks, masks)
@settings(deadline=None)
def test_what_is_no_longer_wanted_ends_at_once_and_what_is_new_begins_after_the_head(before: int, after: int) -> None:
    pace = Pace(10, interest(before))
    pace.change(interest(after), 15)
    assert pace.interest == interest(before & after)
    assert pace.stop(20) == 15
    pace.reached(15)
    assert pace.interest == interest(after)
    assert pace.stop(20) == 20


def test_a_change_at_the_cursor_takes_effect_at_once() -> None:
    pace = Pace(10, interest(1))
    pace.change(interest(2), 10)
    assert (pace.interest, pace.turns) == (interest(2), [])


def test_what_was_wanted_again_is_not_owed_for_the_time_between() -> None:
    pace = Pace(10, interest(1))
    pace.change(interest(0), 12)
    pace.change(interest(1), 14)
    wanted = []
    for seq in range(11, 17):
        wanted.append(bool(pace.interest))
        pace.reached(seq)
    assert wanted == [False, False, False, False, True, True]


def test_a_loss_begins_where_the_last_tick_was_had() -> None:
    pace = Pace(10, interest(1))
    pace.lose(11, 0)
    pace.lose(12, 3)
    pace.lose(13, 4)
    assert (pace.since, pace.cursor, pace.dropped) == (11, 13, 7)


def test_a_recovery_says_what_could_not_be_filled() -> None:
    assert recovered("tape", Recovery(3, 9), None) == Recovered(from_="tape:3", to="tape:9", complete=True)
    assert recovered("tape", Recovery(3, 9), (4, 7)) == Recovered(
        from_="tape:3", to="tape:9", complete=False, gap={"from": "tape:4", "to": "tape:7"}
    )
