"""Plan, keys, scheduler and executors."""

from harness.run.run import STATE, Finished, Forecast, forecast, read_state, run_suite

__all__ = ["STATE", "Finished", "Forecast", "forecast", "read_state", "run_suite"]
