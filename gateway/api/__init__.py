"""The HTTP edge: signed requests in, signed answers out (`service`), and the web server around it (`app`)."""
