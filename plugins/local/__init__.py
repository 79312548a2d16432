"""This machine: the host as a device, worker processes as an executor."""
