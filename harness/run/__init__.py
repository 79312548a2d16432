"""Plan, keys, scheduler and executors."""

from harness.run.run import Finished, Forecast, forecast, run_suite

__all__ = ["Finished", "Forecast", "forecast", "run_suite"]
