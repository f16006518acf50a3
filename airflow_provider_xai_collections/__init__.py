"""Apache Airflow provider for xAI Collections: managed document stores that models search."""

__version__ = "0.1.0"
