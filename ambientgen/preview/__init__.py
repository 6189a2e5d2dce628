"""A scene as one page of HTML that plays by itself: no server, no network, no other file."""
