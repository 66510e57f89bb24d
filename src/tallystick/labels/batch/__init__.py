"""The batch executor: labels at many points, over history in columns."""
