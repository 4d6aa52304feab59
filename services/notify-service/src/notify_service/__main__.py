"""`python -m notify_service`."""

from chassis.run import main
from notify_service.app import NAME, build
from notify_service.settings import Settings

if __name__ == "__main__":
    main(build, Settings, NAME)
