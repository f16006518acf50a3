"""Pages in Airflow's UI: what is in the collections, what runs did to them, and what failed."""
