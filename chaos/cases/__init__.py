"""One kind of trouble in each module."""
