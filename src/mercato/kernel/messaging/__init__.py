"""Facts and hints between processes: outbox and inbox, relay and consumer, the broker."""
