"""python -m local_azure demo | run -- COMMAND | serve | env | host | easy-auth | token | control"""

from local_azure.cli.main import main_and_exit

if __name__ == "__main__":
    main_and_exit()
