"""`python -m org_service`"""

from chassis.run import main
from org_service.app import NAME, build
from org_service.settings import Settings

if __name__ == "__main__":
    main(build, Settings, NAME)
