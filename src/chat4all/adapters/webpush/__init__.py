"""Web Push: to browsers, through the push service that each of them chose."""
