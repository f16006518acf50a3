"""The sans-IO core: what to send, how to read answers, when to retry, when a wait is over.

Nothing in here opens a socket, reads a clock, rolls a die or knows Airflow.
"""
