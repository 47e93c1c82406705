"""`python -m rowferry`, the same as the command `rowferry`."""

if __name__ == "__main__":  # executors import this module under another name and must not pay for the commands
    from rowferry.cli import main

    main()
