"""A market as a source: made in this process, moved on by its beat, held by the admin API, kept in a file."""

import asyncio

from ticker import checkpoints
from ticker.beat import Beat, Beaten
from ticker.control import MarketControl
from ticker.source import Host, Opening, Role
from ticker.stage import stage
from ticker.wire.label import Label


class MarketSource(Beaten):
    """The market that a configuration wants. Raises SetupError where there is none such."""

    role: Role = "market"
    leader = ""

    def __init__(self, host: Host) -> None:
        config = host.config
        self._host = host
        self._stage = stage(config)
        market = self.market = self._stage.market
        label = Label.of(
            market.universe,
            epoch=market.epoch,
            step_us=market.step_us,
            start_us=market.time_us(0),
            seed=config.market.seed,
            speed=config.clock.speed,
        )
        feed = host.open(Opening(label, market.seq, market.time_us(market.seq), self._stage.shown))
        feed.bars.restore(self._stage.bars)
        self.beat = Beat(market, feed, host.metrics, config)
        self.control = MarketControl(self._stage, feed, self.beat, host.metrics, self._keep)

    @property
    def failed(self) -> asyncio.Future[None]:
        """Resolved where the market cannot step."""
        return self.beat.failed

    def start(self, host: Host) -> None:
        """Begin to beat."""
        for sentence in self._stage.warnings:
            host.log.warning("a scenario causes what cannot happen then", incident=sentence)
        self.beat.start(host.loop)

    async def stop(self) -> None:
        self.beat.stop()
        if self._host.config.market.checkpoint and not self.failed.done():
            self._keep(self.control.whole()())

    def measure(self) -> None:
        self.beat.measure()

    def _keep(self, data: bytes) -> None:
        """Store a checkpoint where one is kept; a disk that does not take it is no reason to stop."""
        path = self._host.config.market.checkpoint
        if not path:
            return
        try:
            checkpoints.store(path, data)
        except OSError as error:
            self._host.log.error("no checkpoint was stored", file=path, reason=error.strerror)
