"""The processes: the command line today; the service beside it later."""
