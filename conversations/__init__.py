"""The durable engine: journal, replay, customer handle, dispatch, correlation."""
