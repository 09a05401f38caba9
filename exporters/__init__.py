"""What we tell others: Prometheus, pages, reports."""
