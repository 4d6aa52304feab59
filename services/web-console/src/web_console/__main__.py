"""Run web-console."""

import logging

import structlog
import uvicorn

from web_console.app import build
from web_console.settings import Settings


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings()
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    uvicorn.run(
        build(settings),
        host=settings.http_host,
        port=settings.http_port,
        access_log=False,  # addresses hold personnel numbers and tokens
        server_header=False,
        proxy_headers=False,  # the application takes them from whom the settings name
        log_level="warning",
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
