"""The Celery app, its tasks, and what rings, works and hands over."""
