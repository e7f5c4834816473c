"""The only place that ties the rooms together: requests, settles, retries and cancels."""
