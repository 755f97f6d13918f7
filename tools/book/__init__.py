"""Makes the site: ``make docs``."""
