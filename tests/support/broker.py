"""A connection of a test's own to the broker."""

from mercato.kernel.messaging.broker import BrokerClient


async def connected(nats_url: str) -> BrokerClient:
    """A connected client like the shop's own: after its `flush` the broker knows every subscription."""
    client = BrokerClient()
    await client.connect(nats_url)
    return client
