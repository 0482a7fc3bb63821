"""One module per screen; each exports its handlers as `routes`."""
