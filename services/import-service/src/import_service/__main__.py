"""`python -m import_service`"""

from chassis.run import main
from import_service.app import NAME, build
from import_service.settings import Settings

if __name__ == "__main__":
    main(build, Settings, NAME)
