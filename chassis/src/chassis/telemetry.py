"""Logs as JSON with the trace they belong to; the trace context of the work at hand."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import structlog

from chassis.records import new_traceparent

traceparent: ContextVar[str] = ContextVar("traceparent", default="")
"""The W3C trace context of the request or record that is being worked on; empty for a batch of several records, which
belong to as many traces."""


def current_traceparent() -> str:
    """The present trace context, a new one where there is none."""
    return traceparent.get() or new_traceparent()


@contextmanager
def tracing(context: str) -> Iterator[None]:
    """Have what is logged meanwhile carry the trace of `context`, or none where it is empty."""
    token = traceparent.set(context)
    try:
        yield
    finally:
        traceparent.reset(token)


def with_trace(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Add `trace_id` to a line where there is a trace."""
    context = traceparent.get()
    if context:
        event["trace_id"] = context[3:35]
    return event


def configure_logging(service: str, level: str) -> structlog.stdlib.BoundLogger:
    """One JSON object a line on standard output, for our own words and for the libraries'."""

    def with_service(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["service"] = service
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        with_service,
        with_trace,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("aiokafka", "faststream", "uvicorn.access"):
        logging.getLogger(noisy).setLevel("WARNING")
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(service)
    return logger
