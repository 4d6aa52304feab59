"""Run user-service."""

from chassis.run import main
from user_service.app import build
from user_service.settings import Settings

if __name__ == "__main__":
    main(build, Settings, "user-service")
